// DESIGN 7, rules 1, 2, 4 and 5: nobody speaks under a name that is not his.
import {
  anyone,
  type BoundService,
  bindService,
  type Call,
  type Channel,
  type LeaderForwarder,
  roles,
  TlsMaterial,
} from "@mswarm/rpc";
import {
  createTestAuthority,
  type Loopback,
  startLoopback,
  testClusterId,
  testManager,
  testWorker,
} from "@mswarm/rpc/testing";
import { afterEach, expect, test } from "vitest";
import { frame, frameType, headerBlock, preface, rawConnect } from "./rpc-frames.ts";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const authority = await createTestAuthority();

interface Manager extends Loopback {
  readonly handled: Call[];
  readonly removed: Set<string>;
  readonly members: Set<string>;
}

/** Issues "certificates" to whomever the call is made for, and lets managers check health. */
function services(handled: Call[], forward: LeaderForwarder | undefined): BoundService[] {
  const issue = bindService(
    "docker.swarmkit.v1.NodeCA",
    {
      IssueNodeCertificate: async (_request, call) => {
        handled.push(call);
        return { nodeId: call.caller.identity?.nodeId ?? "stranger" };
      },
      NodeCertificateStatus: async () => ({}),
    },
    { IssueNodeCertificate: anyone("test"), NodeCertificateStatus: anyone("test") },
    forward === undefined ? {} : { forward },
  );
  const membership = bindService(
    "docker.swarmkit.v1.RaftMembership",
    {
      Join: async (_request, call) => {
        handled.push(call);
        return {};
      },
      Leave: async () => ({}),
    },
    { Join: roles("swarm-manager"), Leave: roles("swarm-manager") },
    forward === undefined ? {} : { forward },
  );
  const health = bindService(
    "docker.swarmkit.v1.Health",
    { Check: async () => ({ status: "SERVING" }) },
    { Check: roles("swarm-manager") },
  );
  return [issue, membership, health];
}

async function startManager(name: string, forward?: LeaderForwarder): Promise<Manager> {
  const handled: Call[] = [];
  const removed = new Set<string>();
  const members = new Set<string>();
  const loopback = await startLoopback({
    authority,
    server: testManager(name),
    services: services(handled, forward),
    isRemoved: (nodeId) => removed.has(nodeId),
    isRaftMember: (nodeId) => members.has(nodeId),
  });
  cleanups.push(() => loopback.close());
  return { ...loopback, handled, removed, members };
}

const ca = (channel: Channel): ReturnType<typeof channel.client<"docker.swarmkit.v1.NodeCA">> =>
  channel.client("docker.swarmkit.v1.NodeCA");

/** What a manager would send for `name`. */
const forgery = (name: string, role = "swarm-manager"): Record<string, string> => ({
  forwarded_cert: "true",
  forwarded_cert_cn: name,
  forwarded_cert_org: testClusterId,
  forwarded_cert_ou: role,
  remote_addr: "10.0.0.1:2377",
});

test("a self-signed manager certificate is cut off before one byte of its is answered", async () => {
  const manager = await startManager("m1");
  const evil = await (await createTestAuthority()).issue(testManager("m1"));
  const connection = await rawConnect(manager.address, evil);
  const path = "/docker.swarmkit.v1.NodeCA/IssueNodeCertificate";
  await connection.write(Buffer.concat([preface, frame(frameType.headers, 0x4, 1, headerBlock(path))]));
  await connection.closed;
  expect(connection.received()).toHaveLength(0);
  expect(manager.handled).toEqual([]);
});

test("a chain that only begins with a certificate of ours is not enough: the leaf is what counts", async () => {
  const manager = await startManager("m1");
  const ours = await authority.issue(testWorker());
  const evil = await (await createTestAuthority()).issue(testManager("m1"));
  const stitched = { certificatePem: evil.certificatePem + ours.certificatePem, keyPem: evil.keyPem };
  const connection = await rawConnect(manager.address, stitched);
  await connection.write(preface);
  await connection.closed;
  expect(connection.received()).toHaveLength(0);
});

test("a certificate without its key opens nothing", async () => {
  const manager = await startManager("m1");
  const stolen = await authority.issue(testManager("m2"));
  const own = await authority.issue(testWorker());
  const mixed = { certificatePem: stolen.certificatePem, keyPem: own.keyPem };
  await expect(rawConnect(manager.address, mixed)).rejects.toThrow(/key values mismatch/);
  expect(manager.handled).toEqual([]);
});

test("a verifier that fails in an unexpected way fails closed", async () => {
  const broken = {
    ...authority,
    verifier: { ...authority.verifier, verifyClient: () => Promise.reject(new TypeError("bug")) },
  };
  const loopback = await startLoopback({ authority: broken, services: services([], undefined) });
  cleanups.push(() => loopback.close());
  const connection = await rawConnect(loopback.address, await authority.issue(testManager()));
  await connection.write(preface);
  await connection.closed;
  expect(connection.received()).toHaveLength(0);
});

test("forwarded metadata from a worker or a stranger is refused, whoever is named in it", async () => {
  const manager = await startManager("m1");
  for (const attacker of [testWorker("evil"), undefined]) {
    const channel = await manager.channel(attacker);
    for (const metadata of [forgery("m1"), forgery("evil", "swarm-worker"), { forwarded_cert: "true" }]) {
      await expect(ca(channel).IssueNodeCertificate({}, { metadata })).rejects.toMatchObject({
        code: "PERMISSION_DENIED",
        message: expect.stringContaining("unauthorized forwarder role"),
      });
      const join = channel.client("docker.swarmkit.v1.RaftMembership").Join({}, { metadata });
      await expect(join).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
    }
  }
  expect(manager.handled).toEqual([]);
});

test("odd spellings of forwarded metadata do not slip through as a direct call of a manager", async () => {
  const manager = await startManager("m1");
  const channel = await manager.channel(testManager("m2"));
  for (const value of ["", "false", "TRUE", "1", ["true", "true"]]) {
    const metadata = { ...forgery("evil", "swarm-worker"), forwarded_cert: value };
    await expect(ca(channel).IssueNodeCertificate({}, { metadata })).rejects.toMatchObject({
      code: "PERMISSION_DENIED",
    });
  }
  expect(manager.handled).toEqual([]);
});

test("two managers that disagree about the leader cannot turn a worker's call into a manager's (CVE-2026-115539)", async () => {
  // m3 leads; m2 thinks m3 does; m1 thinks m2 does, so that a call takes two hops.
  const leader = await startManager("m3");
  leader.members.add("m1").add("m2").add("m3");
  const toLeader = await leader.channel(testManager("m2"));
  const second = await startManager("m2", { leader: async () => ({ self: false, channel: toLeader }) });
  const toSecond = await second.channel(testManager("m1"));
  const first = await startManager("m1", { leader: async () => ({ self: false, channel: toSecond }) });
  const worker = await first.channel(testWorker("evil"));
  await expect(ca(worker).IssueNodeCertificate({})).rejects.toMatchObject({ code: "RESOURCE_EXHAUSTED" });

  // The worker also tries without the marker, with every header it can think of, at the hop in between.
  const direct = await second.channel(testWorker("evil"));
  for (const metadata of [{ redirect: "" }, { redirect: "1.2.3.4:5" }, forgery("m1"), { forwarded_cert_cn: "m1" }]) {
    const answer = await ca(direct)
      .IssueNodeCertificate({}, { metadata })
      .catch(() => undefined);
    expect([undefined, "evil"]).toContain(answer?.nodeId);
  }
  for (const call of leader.handled) expect(call.caller.identity).toEqual(testWorker("evil"));

  // The old defect, replayed at the leader: the intermediate manager's own identity as the origin.
  const replay = await leader.channel(testManager("m2"));
  const metadata = { ...forgery("m1"), redirect: "10.0.0.1:2377" };
  await expect(ca(replay).IssueNodeCertificate({}, { metadata })).rejects.toMatchObject({ code: "UNAVAILABLE" });
});

test("a removed node is refused directly, as origin and as forwarder, on connections that were open before", async () => {
  const leader = await startManager("m1");
  const worker = await leader.channel(testWorker("w1"));
  const follower = await leader.channel(testManager("m2"));
  expect(await ca(worker).IssueNodeCertificate({})).toEqual({ nodeId: "w1" });
  leader.removed.add("w1").add("m2");
  const refused = { code: "PERMISSION_DENIED", message: expect.stringContaining("was removed from swarm") };
  await expect(ca(worker).IssueNodeCertificate({})).rejects.toMatchObject(refused);
  await expect(
    ca(follower).IssueNodeCertificate({}, { metadata: forgery("w2", "swarm-worker") }),
  ).rejects.toMatchObject(refused);
  leader.removed.delete("m2");
  await expect(
    ca(follower).IssueNodeCertificate({}, { metadata: forgery("w1", "swarm-worker") }),
  ).rejects.toMatchObject(refused);
  expect(leader.handled).toHaveLength(1);
});

test("a node of another cluster under the same root is nobody here", async () => {
  const manager = await startManager("m1");
  const foreign = { nodeId: "m9", role: "swarm-manager", clusterId: "another" } as const;
  const channel = await manager.channel(undefined, { tls: new TlsMaterial(await authority.issue(foreign)) });
  expect(await ca(channel).IssueNodeCertificate({})).toEqual({ nodeId: "stranger" });
  await expect(channel.client("docker.swarmkit.v1.RaftMembership").Join({})).rejects.toMatchObject({
    code: "PERMISSION_DENIED",
  });
});
