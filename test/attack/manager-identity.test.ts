// DESIGN 7, rules 1, 2, 4 and 5 against whole managers: who calls decides, whatever the call says and wherever it goes.
import { createCertificateRequest, loadAuthority } from "@mswarm/pki";
import { type TestNode, testAuthority } from "@mswarm/pki/testing";
import type { CertifiedKey, Channel } from "@mswarm/rpc";
import { after, type Clock, cryptoRandom, type Duration, hours, invariant, systemClock } from "@mswarm/runtime";
import { nodes, tasks } from "@mswarm/store";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type GroupManager, ManagerGroup } from "../integration/manager-group.ts";
import { callLimit, eventually } from "../support/eventually.ts";
import { controlOf, startCitizens } from "./good-citizens.ts";
import { forbiddenTo, forgeries, outcomeOf, refusals, wireMethods } from "./hostile-calls.ts";

const inTime = { timeout: callLimit };
const clock = systemClock();
let group: ManagerGroup;
beforeAll(async () => {
  group = await ManagerGroup.start(3);
});
afterAll(() => group.stop());

/** What the cluster knows, but for what nodes do to themselves by coming and going. */
function stateOf({ manager }: GroupManager): object {
  const { nodes: known = [], ...rest } = manager.store.save();
  return { ...rest, nodes: known.map(({ id, role, spec, certificate }) => ({ id, role, spec, certificate })) };
}

/** Calls every method in `methods` with every forgery, at leader and follower; what was not refused. */
async function attack(
  attacker: TestNode | undefined,
  methods: (typeof forbiddenTo)["workers"],
): Promise<readonly string[]> {
  const metadata = forgeries(group.leader.nodeId, group.authority.clusterId);
  const admitted: string[] = [];
  for (const to of [group.leader, group.follower]) {
    const channel = group.channel(attacker, to);
    for (const method of methods) {
      const outcomes = await Promise.all(metadata.map((each) => outcomeOf(channel, method, { metadata: each })));
      admitted.push(...outcomes.filter((each) => !refusals.test(each)).map((each) => `${method.path}: ${each}`));
    }
  }
  return admitted;
}

test("the list of attacked methods is the schema's, and not short", () => {
  expect(wireMethods.length).toBeGreaterThan(50);
  expect(forbiddenTo.workers.map(({ path }) => path)).toContain("/docker.swarmkit.v1.Control/ListSecrets");
});

test("a worker calls every method that is not for workers, with every forgery, and gets nothing", async () => {
  const [evil, good] = [await group.worker(), await group.worker()];
  const citizens = await startCitizens(group.channel(good, group.follower), controlOf(group.follower));
  const linesBefore = group.lines.length;
  expect(await attack(evil, forbiddenTo.workers)).toEqual([]);
  const report = await citizens.stop();
  expect(report.failures).toEqual([]);
  expect(report.writes).toBeGreaterThan(3);
  expect(group.lines.length - linesBefore).toBeLessThan(20);
});

/** A manager's certificate of the right root, issued at another time and valid for an hour. */
async function nodeOfAnotherTime(shift: Duration): Promise<CertifiedKey> {
  const { rootPem, rootKeyPem, clusterId } = group.authority;
  let isLoaded = false;
  const shifted: Clock = { ...clock, now: () => (isLoaded ? after(clock.now(), shift) : clock.now()) };
  const parts = { crypto: globalThis.crypto, clock: shifted, random: cryptoRandom() };
  const authority = await loadAuthority({ rootPem, keyPem: rootKeyPem }, parts);
  isLoaded = true;
  const { csrPem, keyPem } = await createCertificateRequest({ crypto: globalThis.crypto });
  const subject = { nodeId: group.leader.nodeId, role: "swarm-manager", clusterId } as const;
  return { certificatePem: await authority.signNodeCertificate(csrPem, subject, { validity: hours(1) }), keyPem };
}

test("strangers of every kind call everything that is not for strangers, and get nothing", async () => {
  const foreign = await testAuthority({ clock, clusterId: group.authority.clusterId });
  const before = stateOf(group.leader);
  expect(await attack(undefined, forbiddenTo.strangers)).toEqual([]);
  const impostors = [
    await foreign.node({ nodeId: group.leader.nodeId }),
    await group.authority.node({ clusterId: "othercluster0000000000000" }),
    await nodeOfAnotherTime(hours(-48)),
    await nodeOfAnotherTime(hours(48)),
  ];
  // These open no connection at all, so it does not matter what they would call.
  for (const impostor of impostors) {
    for (const to of [group.leader, group.follower]) {
      const channel = group.channel(impostor, to);
      const outcomes = wireMethods.slice(0, 5).map((method) => outcomeOf(channel, method));
      for (const outcome of await Promise.all(outcomes)) expect(outcome).toMatch(/^UNAVAILABLE: /);
    }
  }
  expect(stateOf(group.leader)).toEqual(before);
});

test("what a worker may call is refused when it says that it forwards, also on its own behalf", async () => {
  const evil = await group.worker();
  const own = { forwarded_cert_cn: evil.nodeId, forwarded_cert_org: group.authority.clusterId };
  const metadata = { ...own, forwarded_cert: "true", forwarded_cert_ou: "swarm-worker", redirect: "1.2.3.4:5" };
  for (const channel of [group.channel(evil, group.leader), group.channel(evil, group.follower)]) {
    for (const method of wireMethods) {
      expect(await outcomeOf(channel, method, { metadata }), method.path).toMatch(refusals);
    }
  }
});

/** The worker's own calls, and what the leader takes them for. */
async function whoAmI(channel: Channel): Promise<string> {
  const { csrPem } = await createCertificateRequest({ crypto: globalThis.crypto });
  const nodeCa = channel.client("docker.swarmkit.v1.NodeCA");
  return await nodeCa.IssueNodeCertificate({ csr: Buffer.from(csrPem), role: "MANAGER" }, inTime).then(
    ({ nodeId = "" }) => nodeId,
    (error: unknown) => String(Reflect.get(error as object, "code")),
  );
}

test("two managers that disagree about the leader turn no worker's call into a manager's", async () => {
  const divided = await ManagerGroup.start(3);
  try {
    const { leader } = divided;
    const [first, second] = divided.managers.filter((each) => each !== leader);
    invariant(first !== undefined && second !== undefined, "three managers");
    const evil = await divided.worker();
    await eventually(() => expect(second.manager.store.save().nodes).toHaveLength(4));
    // The first believes that the leader is where the second is.
    divided.detours.set(first.nodeId, new Map([[leader.address, second.address]]));
    const channel = divided.channel(evil, first);
    const before = stateOf(leader);
    expect(await whoAmI(channel)).toBe("RESOURCE_EXHAUSTED");
    for (const metadata of forgeries(second.nodeId, divided.authority.clusterId)) {
      const outcomes = wireMethods.map((method) => outcomeOf(channel, method, { metadata }));
      const admitted = (await Promise.all(outcomes)).filter((each) => each === "answered");
      // Hello is about the manager that is asked.
      expect(admitted.length).toBeLessThanOrEqual(1);
    }
    expect(stateOf(leader)).toEqual(before);
  } finally {
    await divided.stop();
  }
});

test("a worker gets no session, task or certificate of another node, through leader and follower", async () => {
  const [evil, victim] = [await group.worker(), await group.worker()];
  const { leader } = group;
  const over = new AbortController();
  const victims = group.channel(victim, leader).client("docker.swarmkit.v1.Dispatcher");
  const open = victims.Session({ description: { hostname: "victim" } }, { signal: over.signal });
  const messages = open[Symbol.asyncIterator]();
  const sessionId = (await messages.next()).value?.sessionId ?? "";
  const taskId = "victimstask00000000000000";
  await leader.manager.store.update((tx) =>
    tx.create(tasks, { id: taskId, nodeId: victim.nodeId, desiredState: "RUNNING", status: { state: "RUNNING" } }),
  );
  for (const to of [leader, group.follower]) {
    const channel = group.channel(evil, to);
    const dispatcher = channel.client("docker.swarmkit.v1.Dispatcher");
    const own = dispatcher.Session({ description: { hostname: "evil" } }, { signal: over.signal });
    const ownSession = (await own[Symbol.asyncIterator]().next()).value?.sessionId ?? "";
    const codeOf = (call: Promise<unknown>): Promise<string> =>
      call.then(
        () => "OK",
        (error: unknown) => String(Reflect.get(error as object, "code")),
      );
    const firstOf = async (source: AsyncIterable<unknown>): Promise<unknown> =>
      await source[Symbol.asyncIterator]().next();
    expect(await codeOf(dispatcher.Heartbeat({ sessionId }, inTime))).toBe("INVALID_ARGUMENT");
    expect(await codeOf(firstOf(dispatcher.Assignments({ sessionId }, inTime)))).toBe("INVALID_ARGUMENT");
    expect(await codeOf(firstOf(dispatcher.Tasks({ sessionId }, inTime)))).toBe("INVALID_ARGUMENT");
    const updates = [{ taskId, status: { state: "FAILED" as const, err: "forged" } }];
    expect(await codeOf(dispatcher.UpdateTaskStatus({ sessionId, updates }, inTime))).toBe("INVALID_ARGUMENT");
    const inOwnName = dispatcher.UpdateTaskStatus({ sessionId: ownSession, updates }, inTime);
    expect(await codeOf(inOwnName)).toBe("PERMISSION_DENIED");
    expect(await codeOf(channel.client("mswarm.v1.Peer").AnnounceLeave({ sessionId }, inTime))).not.toBe("OK");
    const log = { context: { nodeId: victim.nodeId, taskId }, data: Buffer.from("forged") };
    async function* lines() {
      yield { subscriptionId: "guess", messages: [log] };
    }
    expect(await codeOf(channel.client("docker.swarmkit.v1.LogBroker").PublishLogs(lines(), inTime))).toBe("NOT_FOUND");
  }
  expect(leader.manager.store.view((tx) => tx.get(tasks, taskId))?.status?.state).toBe("RUNNING");
  expect((await victims.Heartbeat({ sessionId }, inTime)).period).toBeDefined();
  over.abort();
});

test("a demoted manager with its old certificate is a worker to leader and follower, and cannot promote itself", async () => {
  const demoted = await group.authority.node();
  await group.record(demoted, "MANAGER");
  const channels = [group.leader, group.follower].map((to) => group.channel(demoted, to));
  const rights = async (): Promise<unknown[]> =>
    await Promise.all(
      channels.map((channel) =>
        channel
          .client("docker.swarmkit.v1.Control")
          .ListNodes({}, inTime)
          .then(
            () => "OK",
            (error: unknown) => Reflect.get(error as object, "code"),
          ),
      ),
    );
  expect(await rights()).toEqual(["OK", "OK"]);
  await group.leader.manager.store.update((tx) => {
    const node = tx.get(nodes, demoted.nodeId);
    invariant(node !== undefined, "it was recorded");
    tx.update(nodes, { ...node, role: "WORKER", spec: { ...node.spec, desiredRole: "WORKER" } });
  });
  await eventually(async () => expect(await rights()).toEqual(["PERMISSION_DENIED", "PERMISSION_DENIED"]));
  const others = forbiddenTo.workers.filter(({ service }) => !service.includes("Raft"));
  expect(await attack(demoted, others)).toEqual([]);
  const leave = { node: { raftId: group.leader.manager.raft.self.raftId } };
  const membership = group.channel(demoted, group.leader).client("docker.swarmkit.v1.RaftMembership");
  await expect(membership.Leave(leave, inTime)).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
  // It still gets what it needs to become a worker: its own new certificate.
  expect(await whoAmI(group.channel(demoted, group.follower))).toBe(demoted.nodeId);
});
