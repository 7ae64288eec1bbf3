// Three managers on real sockets: what a cluster promises its nodes whichever manager they happen to ask.
import { createCertificateRequest } from "@mswarm/pki";
import type { Channel } from "@mswarm/rpc";
import { isSwarmError, seconds, systemClock } from "@mswarm/runtime";
import { nodes, secrets } from "@mswarm/store";
import type { NodeStatus_State, SessionMessage } from "@mswarm/wire";
import { afterAll, beforeAll, expect, test } from "vitest";
import { callLimit, eventually } from "../support/eventually.ts";
import { type GroupManager, ManagerGroup } from "./manager-group.ts";

const clock = systemClock();
const inTime = { timeout: callLimit };
let group: ManagerGroup;
beforeAll(async () => {
  group = await ManagerGroup.start(3);
});
afterAll(() => group.stop());

const createSecret = (through: GroupManager, name: string): Promise<unknown> =>
  through.local
    .client("docker.swarmkit.v1.Control")
    .CreateSecret({ spec: { annotations: { name }, data: Buffer.from("x") } }, inTime);

const hasSecret = ({ manager }: GroupManager, name: string): boolean =>
  manager.store.view((tx) => tx.by(secrets, "name", name)).length === 1;

const stateOf = ({ manager }: GroupManager, nodeId: string): NodeStatus_State =>
  manager.store.view((tx) => tx.get(nodes, nodeId))?.status?.state ?? "UNKNOWN";

async function failureOf(call: Promise<unknown>): Promise<string> {
  return await call.then(
    () => "no failure",
    (error: unknown) => (isSwarmError(error) ? `${error.code}: ${error.message}` : String(error)),
  );
}

const hello = (channel: Channel): Promise<unknown> =>
  channel.client("mswarm.v1.Peer").Hello({ version: "test" }, inTime);

/** Registers the channel's node and follows its session. */
async function session(channel: Channel) {
  const abort = new AbortController();
  const dispatcher = channel.client("docker.swarmkit.v1.Dispatcher");
  const description = { hostname: "w", engine: { labels: { "mswarm.version": "test" } } };
  const messages = dispatcher.Session({ description }, { signal: abort.signal })[Symbol.asyncIterator]();
  const first: IteratorResult<SessionMessage, undefined> = await messages.next();
  return { sessionId: first.value?.sessionId ?? "", message: first.value, messages, end: () => abort.abort() };
}

test("three managers form a group in which one leads, and each knows all", async () => {
  await eventually(() => {
    for (const { manager } of group.managers) expect(manager.raft.members()).toHaveLength(3);
  });
  await eventually(() => {
    const leading = group.managers.map(({ manager }) => manager.raft.leadership.isLeader);
    expect(leading.sort()).toEqual([false, false, true]);
  });
  const addresses = group.follower.manager.raft.members().map(({ address }) => address);
  expect(addresses.sort()).toEqual(group.managers.map(({ address }) => address).sort());
});

test("a write through a follower's control socket reaches every store", async () => {
  await createSecret(group.follower, "by-a-follower");
  for (const each of group.managers) await eventually(() => expect(hasSecret(each, "by-a-follower")).toBe(true));
});

test("a worker's session through a follower registers the worker, nobody else", async () => {
  const worker = await group.worker();
  const { follower, leader } = group;
  const { message, end } = await session(group.channel(worker, follower));
  expect(message?.node?.id).toBe(worker.nodeId);
  await eventually(() => expect(stateOf(leader, worker.nodeId)).toBe("READY"));
  expect(leader.manager.store.view((tx) => tx.get(nodes, worker.nodeId))?.status?.addr).toMatch(/^127\./);
  end();
});

test("a worker renews its own certificate through a follower, whatever its request says", async () => {
  const worker = await group.worker();
  const nodeCa = group.channel(worker, group.follower).client("docker.swarmkit.v1.NodeCA");
  const { csrPem } = await createCertificateRequest({ crypto: globalThis.crypto });
  const request = { csr: Buffer.from(csrPem), role: "MANAGER", token: "" } as const;
  expect((await nodeCa.IssueNodeCertificate(request, inTime)).nodeId).toBe(worker.nodeId);
  await eventually(async () => {
    const { status, certificate } = await nodeCa.NodeCertificateStatus({ nodeId: worker.nodeId }, inTime);
    expect(status?.state).toBe("ISSUED");
    expect(certificate?.csr?.toString()).toBe(csrPem);
    expect(certificate?.role ?? "WORKER").toBe("WORKER");
  });
});

test.each(["leader", "follower"] as const)("a worker reaches nothing but its own through the %s", async (which) => {
  const channel = group.channel(await group.worker(), group[which]);
  const secret = { spec: { annotations: { name: "stolen" }, data: Buffer.from("x") } };
  const refused: readonly Promise<unknown>[] = [
    channel.client("docker.swarmkit.v1.Control").ListSecrets({}, inTime),
    channel.client("docker.swarmkit.v1.Control").CreateSecret(secret, inTime),
    channel.client("docker.swarmkit.v1.CA").GetUnlockKey({}, inTime),
    channel.client("docker.swarmkit.v1.RaftMembership").Join({ addr: "127.0.0.1:2377" }, inTime),
    channel.client("docker.swarmkit.v1.RaftMembership").Leave({ node: { raftId: "1" } }, inTime),
  ];
  for (const call of refused) expect(await failureOf(call)).toMatch(/^PERMISSION_DENIED/);
});

test("a worker that announces its leave through a follower is DOWN at once, on the leader too", async () => {
  const worker = await group.worker();
  const channel = group.channel(worker, group.follower);
  const { sessionId } = await session(channel);
  await eventually(() => expect(stateOf(group.leader, worker.nodeId)).toBe("READY"));
  const begun = clock.monotonic();
  await channel.client("mswarm.v1.Peer").AnnounceLeave({ sessionId }, inTime);
  await eventually(() => expect(stateOf(group.leader, worker.nodeId)).toBe("DOWN"));
  // Its missed heartbeats would say so after 15 s.
  expect(clock.monotonic() - begun).toBeLessThan(seconds(12));
});

test("a worker cannot announce that another one leaves", async () => {
  const [worker, other] = [await group.worker(), await group.worker()];
  const { sessionId } = await session(group.channel(other, group.leader));
  await eventually(() => expect(stateOf(group.leader, other.nodeId)).toBe("READY"));
  const channel = group.channel(worker, group.follower);
  const announced = failureOf(channel.client("mswarm.v1.Peer").AnnounceLeave({ sessionId }, inTime));
  expect(await announced).toBe("NOT_FOUND: node not registered");
  expect(stateOf(group.leader, other.nodeId)).toBe("READY");
});

test("a removed node is refused by leader and follower, on connections that are open already", async () => {
  const worker = await group.worker();
  const { leader, follower } = group;
  const channels = [group.channel(worker, leader), group.channel(worker, follower)];
  for (const channel of channels) await hello(channel);
  const open = await session(group.channel(worker, follower));
  const request = { nodeId: worker.nodeId, force: true };
  await follower.local.client("docker.swarmkit.v1.Control").RemoveNode(request, inTime);
  for (const channel of channels) {
    await eventually(async () => expect(await failureOf(hello(channel))).toMatch(/^(PERMISSION_DENIED|UNAVAILABLE)/));
  }
  for (const to of [leader, follower]) {
    await eventually(async () => {
      expect(await failureOf(hello(group.channel(worker, to)))).toContain(
        `Permission denied: node ${worker.nodeId} was removed from swarm`,
      );
    });
  }
  await expect(
    (async () => {
      while ((await open.messages.next()).done !== true);
    })(),
  ).rejects.toThrow();
});

test("a leader that stops hands over while it is still there, and writes go on", async () => {
  const { leader } = group;
  const others = group.managers.filter((each) => each !== leader);
  const [through] = others;
  let hasStopped = false;
  const handedOver = new Promise<string>((resolve) => {
    for (const { manager } of others) {
      manager.raft.onLeadership(({ isLeader }) => {
        if (isLeader) resolve(hasStopped ? "elected after its end" : "handed over");
      });
    }
  });
  const stopping = leader.stop({ handOver: true }).then(() => {
    hasStopped = true;
  });
  expect(await handedOver).toBe("handed over");
  await eventually(async () => {
    if (through !== undefined && !hasSecret(through, "after-the-hand-over"))
      await createSecret(through, "after-the-hand-over");
  });
  await stopping;
  for (const each of others) await eventually(() => expect(hasSecret(each, "after-the-hand-over")).toBe(true));
});

test("a leader whose quorum is gone stops within its bound, with writes in flight", async () => {
  const { leader, follower } = group;
  await follower.stop({ handOver: false });
  const lost = failureOf(createSecret(leader, "never"));
  const begun = clock.monotonic();
  await leader.stop({ handOver: true });
  expect(clock.monotonic() - begun).toBeLessThan(seconds(30));
  expect(await lost).not.toBe("no failure");
});
