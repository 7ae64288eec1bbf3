import { internal, milliseconds, seconds } from "@mswarm/runtime";
import { settle } from "@mswarm/runtime/simulated";
import { clusters, nodes } from "@mswarm/store";
import { codecOf, type SessionMessage } from "@mswarm/wire";
import { expect, test } from "vitest";
import { callOf, clusterId, dispatcherBench, managerId, openSession } from "./testing/dispatcher-bench.ts";

const worker = "w".repeat(25);

test("a session begins with a complete message and makes the node ready", async () => {
  const bench = await dispatcherBench();
  await bench.addNode(worker);
  await bench.lead();
  const { first } = await openSession(bench, worker, { description: { hostname: "alpha" } });
  expect(first.sessionId).toMatch(/^[0-9a-z]{25}$/);
  expect(first.managers).toEqual([{ peer: { nodeId: managerId, addr: "10.0.0.1:2377" }, weight: "10" }]);
  expect(first.networkBootstrapKeys).toEqual([]);
  expect(first.RootCA?.toString()).toBe("root one");
  expect(first.node).toMatchObject({ id: worker, status: { state: "READY", addr: "192.0.2.7" } });
  expect(bench.node(worker)?.description?.hostname).toBe("alpha");
});

test("on the wire every field of a session message is there, also an empty one's", async () => {
  const bench = await dispatcherBench();
  await bench.addNode(worker);
  await bench.lead();
  const { first } = await openSession(bench, worker);
  const codec = codecOf<SessionMessage>("docker.swarmkit.v1.SessionMessage");
  const decoded = codec.decode(codec.encode(first));
  expect(Object.keys(decoded).sort()).toEqual(["RootCA", "managers", "node", "sessionId"]);
  expect(decoded.managers?.every(({ peer }) => peer !== undefined)).toBe(true);
  expect(decoded.node?.meta?.version?.index).toBe(first.node?.meta?.version?.index);
});

test("a dispatcher whose writes fail fails itself, and takes its sessions along", async () => {
  const bench = await dispatcherBench();
  await bench.addNode(worker);
  const outcome = bench.dispatcher.run(new AbortController().signal).catch((error: unknown) => error);
  const { stream } = await openSession(bench, worker);
  bench.store.lead({ nextIndex: 1_000, propose: (entries) => entries.map(() => Promise.reject(internal("no disk"))) });
  await bench.clock.advance(seconds(20));
  expect(await outcome).toMatchObject({ code: "INTERNAL", message: "no disk" });
  expect((await stream.next()).value.node.status.state).toBe("DISCONNECTED");
  await expect(stream.next()).rejects.toMatchObject({ code: "ABORTED" });
  await expect(openSession(bench, worker)).rejects.toMatchObject({ message: "dispatcher is stopped" });
});

test("a dispatcher whose store has stopped leading waits quietly for the end of its leadership", async () => {
  const bench = await dispatcherBench();
  await bench.addNode(worker);
  const stop = await bench.lead();
  await openSession(bench, worker);
  bench.store.follow();
  await bench.clock.advance(seconds(20));
  await stop();
});

test("a session hears of its node, of the managers and of the root certificate, and of nobody else", async () => {
  const bench = await dispatcherBench();
  await bench.addNode(worker);
  await bench.addNode("other");
  await bench.lead();
  const { stream } = await openSession(bench, worker);

  await bench.store.update((tx) => {
    const node = tx.get(nodes, worker);
    tx.update(nodes, { ...node, spec: { ...node?.spec, desiredRole: "MANAGER" } });
  });
  expect((await stream.next()).value.node.spec.desiredRole).toBe("MANAGER");

  bench.setManagers([
    { nodeId: managerId, address: "10.0.0.1:2377" },
    { nodeId: "second", address: "10.0.0.2:2377" },
  ]);
  expect((await stream.next()).value.managers).toHaveLength(2);

  await bench.store.update((tx) => {
    const cluster = tx.get(clusters, clusterId);
    tx.update(clusters, { ...cluster, rootCa: { ...cluster?.rootCa, caCert: Buffer.from("root two") } });
  });
  expect((await stream.next()).value.RootCA.toString()).toBe("root two");

  let isQuiet = true;
  const next = stream.next().then(() => {
    isQuiet = false;
  });
  await bench.store.update((tx) => tx.update(nodes, { ...tx.get(nodes, "other"), VXLANUDPPort: 4789 }));
  await bench.store.update((tx) => {
    const cluster = tx.get(clusters, clusterId);
    tx.update(clusters, { ...cluster, rootCa: { ...cluster?.rootCa, joinTokens: { worker: "new" } } });
  });
  await settle();
  expect(isQuiet).toBe(true);
  bench.setManagers([]);
  await next;
});

test("a node that is not in the store cannot open a session", async () => {
  const bench = await dispatcherBench();
  await bench.lead();
  await expect(openSession(bench, worker)).rejects.toMatchObject({ code: "UNKNOWN", message: "node not found" });
});

test("a manager's own agent is known by the control socket and gets the manager's address", async () => {
  const bench = await dispatcherBench();
  await bench.addNode(managerId);
  await bench.lead();
  const stream = bench.dispatcher.session({}, callOf("", { isLocal: true }));
  expect((await stream.next()).value?.node).toMatchObject({ id: managerId, status: { addr: "10.0.0.1" } });
});

test("a live session id is kept, an unknown one is replaced, and the old session ends", async () => {
  const bench = await dispatcherBench();
  await bench.addNode(worker);
  await bench.lead();
  const first = await openSession(bench, worker);
  const again = await openSession(bench, worker, { sessionId: first.id });
  expect(again.id).toBe(first.id);
  await expect(first.stream.next()).rejects.toMatchObject({ code: "ABORTED" });

  const other = await openSession(bench, worker, { sessionId: "stale" });
  expect(other.id).not.toBe(first.id);
  await expect(again.stream.next()).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message: "session invalid" });
  await expect(bench.dispatcher.heartbeat({ sessionId: first.id }, callOf(worker))).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: "session invalid",
  });
});

test("the fourth registration in a row is refused until eight seconds have passed", async () => {
  const bench = await dispatcherBench();
  await bench.addNode(worker);
  await bench.lead();
  for (let count = 0; count < 4; count += 1) await openSession(bench, worker);
  await expect(openSession(bench, worker)).rejects.toMatchObject({
    code: "UNAVAILABLE",
    message: `node ${worker} exceeded rate limit count of registrations`,
  });
  await bench.clock.advance(milliseconds(8_001));
  await openSession(bench, worker);
});

test("of two daemons with one identity the second is refused, as long as the first is there", async () => {
  const bench = await dispatcherBench();
  await bench.addNode(worker);
  await bench.lead();
  const first = await openSession(bench, worker);
  const second = await openSession(bench, worker);
  const firstAgain = await openSession(bench, worker, { sessionId: first.id });
  const refused = { code: "FAILED_PRECONDITION", message: expect.stringContaining("another daemon is registered") };
  await expect(openSession(bench, worker, { sessionId: second.id })).rejects.toMatchObject(refused);
  for (let beat = 0; beat < 20; beat += 1) {
    await bench.clock.advance(seconds(10));
    await bench.dispatcher.heartbeat({ sessionId: firstAgain.id }, callOf(worker));
    await expect(openSession(bench, worker, { sessionId: second.id })).rejects.toMatchObject(refused);
  }
  await bench.clock.advance(seconds(30));
  expect((await openSession(bench, worker, { sessionId: second.id })).id).not.toBe(second.id);
});

test("a daemon whose answer was lost once, and one that was started again, are no twins", async () => {
  const bench = await dispatcherBench();
  await bench.addNode(worker);
  await bench.lead();
  const first = await openSession(bench, worker);
  await openSession(bench, worker, { sessionId: "of the leader before" });
  await openSession(bench, worker, { sessionId: first.id });
  await bench.clock.advance(seconds(9));
  await openSession(bench, worker);
  await openSession(bench, worker);
});

test("the heartbeat period is that of the cluster, give or take half a second, and follows it", async () => {
  const bench = await dispatcherBench();
  await bench.addNode(worker);
  await bench.lead();
  const { id } = await openSession(bench, worker);
  const beat = async (): Promise<number> => {
    const { period } = await bench.dispatcher.heartbeat({ sessionId: id }, callOf(worker));
    const { seconds: whole, nanos } = period as { seconds: string; nanos: number };
    return Number(whole) * 1_000 + nanos / 1e6;
  };
  const periods = await Promise.all(Array.from({ length: 50 }, beat));
  expect(Math.min(...periods)).toBeGreaterThanOrEqual(4_500);
  expect(Math.max(...periods)).toBeLessThan(5_500);
  expect(new Set(periods).size).toBeGreaterThan(10);

  await bench.store.update((tx) => {
    const cluster = tx.get(clusters, clusterId);
    const spec = { ...cluster?.spec, dispatcher: { heartbeatPeriod: { seconds: "20" } } };
    tx.update(clusters, { ...cluster, spec });
  });
  expect(await beat()).toBeGreaterThanOrEqual(19_500);
});

test("an mswarm node is asked for a heartbeat more than twice as often, in the proportion of the cluster's period", async () => {
  const bench = await dispatcherBench();
  await bench.addNode("ours");
  await bench.lead();
  const { id } = await openSession(bench, "ours");
  const beat = async (): Promise<number> => {
    const { period } = await bench.dispatcher.heartbeat({ sessionId: id }, callOf("ours"));
    const { seconds: whole, nanos } = period as { seconds: string; nanos: number };
    return Number(whole) * 1_000 + nanos / 1e6;
  };
  const periods = await Promise.all(Array.from({ length: 50 }, beat));
  expect(Math.min(...periods)).toBeGreaterThanOrEqual(1_750);
  expect(Math.max(...periods)).toBeLessThanOrEqual(2_250);
  await bench.store.update((tx) => {
    const cluster = tx.get(clusters, clusterId);
    const spec = { ...cluster?.spec, dispatcher: { heartbeatPeriod: { seconds: "20" } } };
    tx.update(clusters, { ...cluster, spec });
  });
  expect(await beat()).toBeGreaterThanOrEqual(7_500);
});

test("an mswarm node that says nothing, its connection whole, is down after four of its periods", async () => {
  const bench = await dispatcherBench();
  await bench.addNode("ours");
  await bench.lead();
  const { id } = await openSession(bench, "ours");
  await bench.dispatcher.heartbeat({ sessionId: id }, callOf("ours"));
  await bench.clock.advance(seconds(6.9));
  expect(bench.node("ours")?.status?.state).toBe("READY");
  await bench.clock.advance(seconds(2.3));
  expect(bench.node("ours")?.status).toMatchObject({ state: "DOWN", message: "heartbeat failure" });
});

test("after a change of leader an mswarm node has four of its periods to come back", async () => {
  const bench = await dispatcherBench();
  await bench.addNode("ours", { status: { state: "READY" }, description: { hostname: "ours" } });
  await bench.lead();
  await bench.clock.advance(seconds(7.9));
  expect(bench.node("ours")?.status?.state).toBe("UNKNOWN");
  await bench.clock.advance(seconds(0.3));
  expect(bench.node("ours")?.status?.state).toBe("DOWN");
});

test("a node that misses its heartbeats for three periods is down, and its session is over", async () => {
  const bench = await dispatcherBench();
  await bench.addNode(worker);
  await bench.lead();
  const { id, stream } = await openSession(bench, worker);
  for (let beat = 0; beat < 20; beat += 1) {
    await bench.clock.advance(seconds(10));
    await bench.dispatcher.heartbeat({ sessionId: id }, callOf(worker));
  }
  expect(bench.node(worker)?.status?.state).toBe("READY");
  await bench.clock.advance(seconds(17));
  expect(bench.node(worker)?.status).toEqual({ state: "DOWN", message: "heartbeat failure", addr: "192.0.2.7" });
  await expect(stream.next()).rejects.toMatchObject({ code: "ABORTED", message: "node must disconnect" });
  await expect(bench.dispatcher.heartbeat({ sessionId: id }, callOf(worker))).rejects.toMatchObject({
    code: "NOT_FOUND",
    message: "node not registered",
  });
});

test("a new leader marks the living unknown, leaves the dead, and gives six periods to come back", async () => {
  const bench = await dispatcherBench();
  await bench.addNode("back", { status: { state: "READY", addr: "10.9.9.1" } });
  await bench.addNode("gone", { status: { state: "READY", addr: "10.9.9.2" } });
  await bench.addNode("dead", { status: { state: "DOWN", message: "heartbeat failure" } });
  await bench.lead();
  const unknown = 'Node moved to "unknown" state due to leadership change in cluster';
  expect(bench.node("back")?.status).toEqual({ state: "UNKNOWN", message: unknown, addr: "10.9.9.1" });
  expect(bench.node("dead")?.status).toEqual({ state: "DOWN", message: "heartbeat failure" });

  await bench.clock.advance(seconds(20));
  const { id } = await openSession(bench, "back");
  await bench.clock.advance(seconds(9));
  await bench.dispatcher.heartbeat({ sessionId: id }, callOf("back"));
  expect(bench.node("gone")?.status?.state).toBe("UNKNOWN");
  await bench.clock.advance(seconds(2));
  expect(bench.node("gone")?.status).toMatchObject({
    state: "DOWN",
    message: 'heartbeat failure for node in "unknown" state',
  });
  expect(bench.node("back")?.status?.state).toBe("READY");
});

test("when leadership ends, sessions get a last message and then have to disconnect", async () => {
  const bench = await dispatcherBench();
  await bench.addNode(worker);
  const stop = await bench.lead();
  const { stream } = await openSession(bench, worker);
  const last = stream.next();
  await stop();
  expect((await last).value.node.status).toMatchObject({
    state: "DISCONNECTED",
    message: "node is currently trying to find new manager",
  });
  await expect(stream.next()).rejects.toMatchObject({ code: "ABORTED", message: "node must disconnect" });
  await expect(bench.dispatcher.heartbeat({ sessionId: "any" }, callOf(worker))).rejects.toMatchObject({
    code: "ABORTED",
    message: "dispatcher is stopped",
  });
  await expect(openSession(bench, worker)).rejects.toMatchObject({ message: "dispatcher is stopped" });
});

test("removing a node ends its streams at once", async () => {
  const bench = await dispatcherBench();
  await bench.addNode(worker);
  await bench.lead();
  const { id, stream } = await openSession(bench, worker);
  const assignments = bench.dispatcher.assignments({ sessionId: id }, callOf(worker));
  await assignments.next();
  const ends = [stream.next(), assignments.next()];
  await bench.store.update((tx) => tx.remove(nodes, worker));
  for (const end of ends) {
    await expect(end).rejects.toMatchObject({ code: "NOT_FOUND", message: "node not registered" });
  }
});

test("an mswarm node whose connection breaks is down within seconds, a Docker node has its full grace", async () => {
  const bench = await dispatcherBench();
  await bench.addNode("ours");
  await bench.addNode("docker");
  await bench.lead();
  await (await openSession(bench, "ours")).cut();
  await (await openSession(bench, "docker")).cut();
  await bench.clock.advance(seconds(3.2));
  expect(bench.node("ours")?.status?.state).toBe("DOWN");
  expect(bench.node("docker")?.status?.state).toBe("READY");
});

test("a suspect that is heard of again is not down", async () => {
  const bench = await dispatcherBench();
  await bench.addNode("ours");
  await bench.lead();
  const session = await openSession(bench, "ours");
  await session.cut();
  await bench.clock.advance(seconds(2));
  await openSession(bench, "ours", { sessionId: session.id });
  await bench.clock.advance(seconds(5));
  expect(bench.node("ours")?.status?.state).toBe("READY");
});

test("the late end of a connection that a newer one has replaced makes nobody suspect", async () => {
  const bench = await dispatcherBench();
  await bench.addNode("ours");
  await bench.lead();
  const old = await openSession(bench, "ours");
  await openSession(bench, "ours", { sessionId: old.id });
  await old.cut();
  await bench.clock.advance(seconds(6));
  expect(bench.node("ours")?.status?.state).toBe("READY");
});

test("a node that announces its leave is down at once; with a wrong session id it is not", async () => {
  const bench = await dispatcherBench();
  await bench.addNode(worker);
  await bench.lead();
  const { id } = await openSession(bench, worker);
  await expect(bench.dispatcher.announceLeave(worker, "guess")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  expect(bench.node(worker)?.status?.state).toBe("READY");
  await bench.dispatcher.announceLeave(worker, id);
  await settle();
  expect(bench.node(worker)?.status?.state).toBe("DOWN");
});

test("a description that is too large is refused before it is replicated", async () => {
  const bench = await dispatcherBench();
  await bench.addNode(worker);
  await bench.lead();
  await expect(openSession(bench, worker, { description: { hostname: "x".repeat(200_000) } })).rejects.toMatchObject({
    code: "RESOURCE_EXHAUSTED",
  });
  expect(bench.node(worker)?.description).toBeUndefined();
});

test("a node that comes and goes, or keeps changing what it says about itself, is slowed", async () => {
  const bench = await dispatcherBench();
  await bench.addNode(worker);
  await bench.lead();
  const { id } = await openSession(bench, worker);
  let written = 0;
  bench.store.watch(() => {
    written += 1;
  });
  for (let count = 0; count < 50; count += 1) {
    const description = { hostname: `name-${count}` };
    const stream = bench.dispatcher.session({ sessionId: id, description }, callOf(worker))[Symbol.asyncIterator]();
    await stream.next().catch(() => undefined);
  }
  expect(written).toBeLessThan(11);
  await bench.clock.advance(seconds(60));
  written = 0;
  for (let count = 0; count < 50; count += 1) {
    const session = await openSession(bench, worker).catch(() => undefined);
    if (session !== undefined) await bench.dispatcher.announceLeave(worker, session.id);
    await settle();
  }
  expect(written).toBeLessThan(25);
});

test("registering again with nothing new writes nothing", async () => {
  const bench = await dispatcherBench();
  await bench.addNode(worker);
  await bench.lead();
  const { id } = await openSession(bench, worker);
  const before = bench.store.version;
  await openSession(bench, worker, { sessionId: id });
  expect(bench.store.version).toBe(before);
});
