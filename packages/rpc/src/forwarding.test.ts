import { type Clock, deferred, messageOf, type SwarmError, seconds, systemClock, unavailable } from "@mswarm/runtime";
import { SimulatedClock } from "@mswarm/runtime/simulated";
import { afterEach, expect, test } from "vitest";
import { Forwarding, forwardHeaders } from "./forwarding.ts";
import { IncomingCall } from "./incoming-call.ts";
import {
  anyone,
  type BindOptions,
  type BoundService,
  bindService,
  type Call,
  type Channel,
  type LeaderForwarder,
  type NodeIdentity,
  roles,
} from "./index.ts";
import {
  createTestAuthority,
  type Loopback,
  startLoopback,
  testClusterId,
  testManager,
  testWorker,
} from "./testing/index.ts";

const patient = { timeout: 40_000, interval: 10 };

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const authority = await createTestAuthority();

interface Manager extends Loopback {
  /** Calls that were handled here. */
  readonly handled: Call[];
  /** Subscriptions that were produced here. */
  sent(): number;
}

const nodeCa = (handled: Call[], options: BindOptions): BoundService =>
  bindService(
    "docker.swarmkit.v1.NodeCA",
    {
      IssueNodeCertificate: async (_request, call) => {
        handled.push(call);
        return { nodeId: call.caller.identity?.nodeId ?? "stranger" };
      },
      NodeCertificateStatus: async (_request, call) => {
        handled.push(call);
        return new Promise(() => undefined);
      },
    },
    { IssueNodeCertificate: anyone("test"), NodeCertificateStatus: roles("swarm-worker", "swarm-manager") },
    options,
  );

const logBroker = (handled: Call[], onSent: () => void, options: BindOptions): BoundService =>
  bindService(
    "docker.swarmkit.v1.LogBroker",
    {
      async *ListenSubscriptions(_request, call) {
        handled.push(call);
        for (let id = 0; ; id += 1) {
          onSent();
          yield { id: String(id).padEnd(10_000) };
        }
      },
      PublishLogs: async (messages, call) => {
        handled.push(call);
        let count = 0;
        for await (const { messages: lines } of messages) count += lines?.length ?? 0;
        if (count !== 6) throw unavailable(`counted ${count}`);
        return {};
      },
    },
    { ListenSubscriptions: roles("swarm-worker"), PublishLogs: roles("swarm-worker") },
    options,
  );

const health = bindService(
  "docker.swarmkit.v1.Health",
  { Check: async () => ({ status: "SERVING" }) },
  { Check: roles("swarm-manager") },
);

async function startManager(name: string, forward?: LeaderForwarder, isRaftMember?: string): Promise<Manager> {
  const handled: Call[] = [];
  let sent = 0;
  const onSent = (): void => {
    sent += 1;
  };
  const options = forward === undefined ? {} : { forward };
  const loopback = await startLoopback({
    authority,
    server: testManager(name),
    services: [nodeCa(handled, options), logBroker(handled, onSent, options), health],
    isRaftMember: (nodeId) => nodeId === isRaftMember,
  });
  cleanups.push(() => loopback.close());
  return { ...loopback, handled, sent: () => sent };
}

const at = (channel: Channel): LeaderForwarder => ({ leader: async () => ({ self: false, channel }) });

/** A leader, and a follower that forwards to it. */
async function startPair(): Promise<{ leader: Manager; follower: Manager }> {
  const leader = await startManager("leader");
  const follower = await startManager("follower", at(await leader.channel(testManager("follower"))));
  return { leader, follower };
}

const headersOf = (identity: NodeIdentity | undefined, user?: string): unknown =>
  forwardHeaders({ caller: { identity, remoteAddress: "10.0.0.9:5000", forwarder: undefined, isLocal: false }, user });

test("a forward names the origin by its verified certificate, and always carries redirect", () => {
  expect(headersOf(testWorker())).toEqual({
    redirect: "10.0.0.9:5000",
    forwarded_cert: "true",
    forwarded_cert_cn: "worker1",
    forwarded_cert_org: testClusterId,
    forwarded_cert_ou: "swarm-worker",
    remote_addr: "10.0.0.9:5000",
  });
});

test("a stranger's forward has blank names, or the leader would take it for the follower's own", () => {
  expect(headersOf(undefined)).toEqual({
    redirect: "10.0.0.9:5000",
    forwarded_cert: "true",
    forwarded_cert_cn: "",
    forwarded_cert_org: "",
    remote_addr: "10.0.0.9:5000",
  });
});

test("a call of the control socket is forwarded as the manager's own", () => {
  const caller = { identity: undefined, remoteAddress: "", forwarder: undefined, isLocal: true };
  expect(forwardHeaders({ caller, user: undefined })).toEqual({ redirect: "@" });
});

test("the leader handles a forwarded call as one of the origin, at the origin's address", async () => {
  const { leader, follower } = await startPair();
  const worker = await follower.channel(testWorker());
  const answer = await worker.client("docker.swarmkit.v1.NodeCA").IssueNodeCertificate({}, { timeout: seconds(5) });
  expect(answer).toEqual({ nodeId: "worker1" });
  expect(follower.handled).toEqual([]);
  expect(leader.handled[0]?.caller).toMatchObject({
    identity: testWorker(),
    forwarder: testManager("follower"),
    remoteAddress: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
  });
  expect(leader.handled[0]?.deadline).toBeLessThan(systemClock().now() + 5_100);
});

test("a stranger's call stays a stranger's at the leader", async () => {
  const { leader, follower } = await startPair();
  const stranger = await follower.channel(undefined);
  expect(await stranger.client("docker.swarmkit.v1.NodeCA").IssueNodeCertificate({})).toEqual({ nodeId: "stranger" });
  expect(leader.handled[0]?.caller.forwarder).toEqual(testManager("follower"));
});

test("nothing that the caller sent reaches the leader", async () => {
  const { leader, follower } = await startPair();
  const worker = await follower.channel(testWorker());
  const metadata = { remote_addr: "1.2.3.4:5", forwarded_cert_cn: "leader", "mswarm-user": "root", other: "x" };
  await worker.client("docker.swarmkit.v1.NodeCA").IssueNodeCertificate({}, { metadata });
  expect(leader.handled[0]?.user).toBeUndefined();
  expect(leader.handled[0]?.caller.identity).toEqual(testWorker());
  expect(leader.handled[0]?.caller.remoteAddress).not.toContain("1.2.3.4");
});

test("a call is forwarded once: between two followers that take each other for the leader it ends", async () => {
  let toSecond: LeaderForwarder | undefined;
  const first = await startManager("first", { leader: (signal) => toSecond?.leader(signal) ?? Promise.reject(signal) });
  const second = await startManager("second", at(await first.channel(testManager("second"))));
  toSecond = at(await second.channel(testManager("first")));
  const worker = await first.channel(testWorker());
  await expect(worker.client("docker.swarmkit.v1.NodeCA").IssueNodeCertificate({})).rejects.toMatchObject({
    code: "RESOURCE_EXHAUSTED",
    message: expect.stringMatching(/^more than one redirect to leader from: \[127\.0\.0\.1:\d+\]$/),
  });
  expect([...first.handled, ...second.handled]).toEqual([]);
});

test("a forwarded call of a Raft member is UNAVAILABLE at the leader", async () => {
  const leader = await startManager("leader", undefined, "other");
  const follower = await startManager("follower", at(await leader.channel(testManager("follower"))));
  const member = await follower.channel(testManager("other"));
  await expect(member.client("docker.swarmkit.v1.NodeCA").IssueNodeCertificate({})).rejects.toMatchObject({
    code: "UNAVAILABLE",
  });
  expect(leader.handled).toEqual([]);
});

test("a forwarder that finds itself leader handles the call here", async () => {
  const { handled, channel } = await startManager("leader", { leader: async () => ({ self: true }) });
  await (await channel(testWorker())).client("docker.swarmkit.v1.NodeCA").IssueNodeCertificate({});
  expect(handled).toHaveLength(1);
});

test("why there is no leader reaches the caller unchanged", async () => {
  const text = "The swarm does not have a leader.";
  const { channel } = await startManager("follower", { leader: () => Promise.reject(unavailable(text)) });
  const client = (await channel(testWorker())).client("docker.swarmkit.v1.NodeCA");
  await expect(client.IssueNodeCertificate({})).rejects.toMatchObject({ code: "UNAVAILABLE", message: text });
});

test("a unary call is repeated at the next leader when the connection to the old one fails", async () => {
  const gone = await startManager("gone");
  const dead = await gone.channel(testManager("follower"));
  await gone.close();
  const next = await startManager("next");
  const alive = await next.channel(testManager("follower"));
  let asked = 0;
  const follower = await startManager("follower", {
    leader: async () => {
      asked += 1;
      return { self: false, channel: asked === 1 ? dead : alive };
    },
  });
  const worker = await follower.channel(testWorker());
  expect(await worker.client("docker.swarmkit.v1.NodeCA").IssueNodeCertificate({})).toEqual({ nodeId: "worker1" });
  expect(next.handled).toHaveLength(1);
});

test("what the leader answers itself is not repeated, whatever its code", async () => {
  let calls = 0;
  const busy = bindService(
    "docker.swarmkit.v1.NodeCA",
    {
      IssueNodeCertificate: async () => {
        calls += 1;
        throw unavailable("raft: no elected cluster leader");
      },
      NodeCertificateStatus: async () => ({}),
    },
    { IssueNodeCertificate: anyone("test"), NodeCertificateStatus: anyone("test") },
  );
  const leader = await startLoopback({ authority, services: [busy] });
  cleanups.push(() => leader.close());
  const follower = await startManager("follower", at(await leader.channel(testManager("follower"))));
  const worker = await follower.channel(testWorker());
  await expect(worker.client("docker.swarmkit.v1.NodeCA").IssueNodeCertificate({})).rejects.toThrow(
    "raft: no elected cluster leader",
  );
  expect(calls).toBe(1);
});

/** A manager whose handlers do what `answer` does. */
async function startAnswering(name: string, answer: () => Promise<{ nodeId: string }>): Promise<Loopback> {
  const policy = { IssueNodeCertificate: anyone("test"), NodeCertificateStatus: anyone("test") };
  const handlers = { IssueNodeCertificate: answer, NodeCertificateStatus: async () => ({}) };
  const service = bindService("docker.swarmkit.v1.NodeCA", handlers, policy);
  const manager = await startLoopback({ authority, server: testManager(name), services: [service, health] });
  cleanups.push(() => manager.close());
  return manager;
}

/** A call that a leader here refuses, on `clock`. */
function forwardingOf(service: BoundService, clock: Clock): Promise<Buffer> {
  const [method] = service.methods;
  if (method === undefined) throw expect.fail("it has methods");
  const call = new IncomingCall({
    caller: { identity: undefined, remoteAddress: "", forwarder: undefined, isLocal: true },
    user: undefined,
    deadline: undefined,
    redirects: [],
    pay: undefined,
    end: () => undefined,
    release: () => undefined,
  });
  return new Forwarding(clock).unary(
    method,
    () => Buffer.alloc(0),
    call,
    () => Promise.reject(handingOver()),
  );
}

const handingOver = (): SwarmError => unavailable("raft: leadership is being handed over to another manager");

test.each([
  "raft: leadership is being handed over to another manager",
  "raft: the change was not begun: this manager does not lead any more",
  "more than one redirect to leader from: [@]",
])("a call that a leader did not begin is repeated until somebody takes it: %s", async (refusal) => {
  let calls = 0;
  const leader = await startAnswering("leader", async () => {
    calls += 1;
    if (calls < 4) throw unavailable(refusal);
    return { nodeId: "taken" };
  });
  const follower = await startManager("follower", at(await leader.channel(testManager("follower"))));
  const worker = await follower.channel(testWorker());
  expect(await worker.client("docker.swarmkit.v1.NodeCA").IssueNodeCertificate({})).toEqual({ nodeId: "taken" });
  expect(calls).toBe(4);
});

test("a call that was refused, and then could not even be sent, goes to the next leader", async () => {
  const refusing = await startAnswering("refusing", async () => {
    throw handingOver();
  });
  const dying = await startAnswering("dying", async () => ({ nodeId: "dying" }));
  const next = await startAnswering("next", async () => ({ nodeId: "next" }));
  const [first, second, third] = await Promise.all(
    [refusing, dying, next].map(({ channel }) => channel(testManager("follower"))),
  );
  if (first === undefined || second === undefined || third === undefined) throw expect.fail("three channels");
  // It says that it serves, and is gone when the call comes.
  const gone: Channel = {
    client: (name) => second.client(name),
    peer: undefined,
    onDisconnect: (listener) => second.onDisconnect(listener),
    close: () => second.close(),
    bytes: {
      ...second.bytes,
      unary: async (...call) => {
        await dying.close();
        return await second.bytes.unary(...call);
      },
    },
  };
  const places = [first, gone, gone, third];
  let asked = 0;
  const follower = await startManager("follower", {
    leader: async () => {
      const channel = places[Math.min(asked, places.length - 1)] ?? third;
      asked += 1;
      return { self: false, channel };
    },
  });
  const worker = await follower.channel(testWorker());
  expect(await worker.client("docker.swarmkit.v1.NodeCA").IssueNodeCertificate({})).toEqual({ nodeId: "next" });
});

test("a call that is refused by everybody ends with what the last one said", async () => {
  const clock = new SimulatedClock();
  let calls = 0;
  const service = nodeCa([], {
    forward: {
      leader: async () => {
        calls += 1;
        return { self: true };
      },
    },
  });
  const answer = forwardingOf(service, clock).catch(messageOf);
  await clock.advance(seconds(3));
  expect(await answer).toMatch(/being handed over/);
  // Not as fast as it can.
  expect(calls).toBeGreaterThan(10);
  expect(calls).toBeLessThan(60);
});

test("a manager that every call can ask answers those that were passed on only while it leads", async () => {
  const handled: Call[] = [];
  const leads = { isTrue: true };
  const forward: LeaderForwarder = {
    leader: async () => {
      if (leads.isTrue) return { self: true };
      return { self: false, channel: await other.channel(testManager("former")) };
    },
  };
  const other = await startAnswering("other", async () => ({ nodeId: "other" }));
  const asked = await startLoopback({ authority, services: [nodeCa(handled, { forward, anyManager: true })] });
  cleanups.push(() => asked.close());
  const call = async (metadata: Record<string, string>): Promise<unknown> => {
    const channel = await asked.channel(testManager("follower"));
    return await channel.client("docker.swarmkit.v1.NodeCA").IssueNodeCertificate({}, { metadata }).catch(messageOf);
  };
  expect(await call({ redirect: "@" })).toEqual({ nodeId: "follower" });
  leads.isTrue = false;
  expect(await call({ redirect: "@" })).toMatch(/^more than one redirect to leader/);
  expect(await call({})).toEqual({ nodeId: "follower" });
  expect(handled).toHaveLength(2);
});

test("a cancelled call is cancelled at the leader too", async () => {
  const { leader, follower } = await startPair();
  const worker = await follower.channel(testWorker());
  const controller = new AbortController();
  const call = worker.client("docker.swarmkit.v1.NodeCA").NodeCertificateStatus({}, { signal: controller.signal });
  await expect.poll(() => leader.handled.length, patient).toBe(1);
  controller.abort();
  await expect(call).rejects.toThrow();
  await expect.poll(() => leader.handled[0]?.signal.aborted, patient).toBe(true);
});

test("a forwarded server stream flows with back-pressure, and ends with its reader", async () => {
  const { leader, follower } = await startPair();
  const worker = await follower.channel(testWorker());
  const seen: string[] = [];
  for await (const { id } of worker.client("docker.swarmkit.v1.LogBroker").ListenSubscriptions({})) {
    seen.push((id ?? "").trim());
    if (seen.length === 200) break;
  }
  expect(seen).toEqual(Array.from({ length: 200 }, (_, index) => String(index)));
  await expect.poll(() => leader.handled[0]?.signal.aborted, patient).toBe(true);
});

test("a forwarded stream whose reader stops reading stops at the leader", async () => {
  const { leader, follower } = await startPair();
  const worker = await follower.channel(testWorker());
  const iterator = worker.client("docker.swarmkit.v1.LogBroker").ListenSubscriptions({})[Symbol.asyncIterator]();
  await iterator.next();
  let last = -1;
  const stands = (): boolean => {
    const before = last;
    last = leader.sent();
    return last === before;
  };
  await expect.poll(stands, patient).toBe(true);
  expect(leader.sent()).toBeLessThan(1_000);
  await iterator.return?.();
});

test("a forwarded client stream brings every message, and its answer back", async () => {
  const { follower, leader } = await startPair();
  const worker = await follower.channel(testWorker());
  async function* lines(): AsyncGenerator<{ messages: object[] }> {
    for (const count of [1, 2, 3]) yield { messages: Array.from({ length: count }, () => ({})) };
  }
  expect(await worker.client("docker.swarmkit.v1.LogBroker").PublishLogs(lines())).toEqual({});
  expect(leader.handled[0]?.caller.identity).toEqual(testWorker());
});

test("a removed node's forwarded streams end at the leader at once", async () => {
  const { leader, follower } = await startPair();
  const worker = await follower.channel(testWorker("w1"));
  const iterator = worker.client("docker.swarmkit.v1.LogBroker").ListenSubscriptions({})[Symbol.asyncIterator]();
  await iterator.next();
  leader.server.disconnect("w1");
  const drain = async (): Promise<void> => {
    while (!(await iterator.next()).done);
  };
  await expect(drain()).rejects.toMatchObject({
    code: "PERMISSION_DENIED",
    message: "Permission denied: node w1 was removed from swarm",
  });
  expect(leader.handled[0]?.signal.aborted).toBe(true);
});

test("calls wait for a leader while the caller waits", async () => {
  const leader = await startManager("leader");
  const elected = deferred<Channel>();
  const follower = await startManager("follower", {
    leader: async () => ({ self: false, channel: await elected.promise }),
  });
  const call = (await follower.channel(testWorker())).client("docker.swarmkit.v1.NodeCA").IssueNodeCertificate({});
  elected.resolve(await leader.channel(testManager("follower")));
  expect(await call).toEqual({ nodeId: "worker1" });
});
