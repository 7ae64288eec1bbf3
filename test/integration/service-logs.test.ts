// Logs from workers with an engine in memory, through the managers' broker, to whoever asks some manager for them.
import { type FakeContainer, FakeEngine } from "@mswarm/engine/fake";
import type { TestNode } from "@mswarm/pki/testing";
import { cryptoRandom, invariant, isSwarmError, silentLogger, systemClock } from "@mswarm/runtime";
import { nodes, tasks } from "@mswarm/store";
import type { LogMessage, LogSubscriptionOptionsInput, ServiceSpecInput, Task } from "@mswarm/wire";
import { connectionOver, createWorker } from "@mswarm/worker";
import { MemorySecretMount, MemoryTaskJournal } from "@mswarm/worker/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { callLimit, eventually } from "../support/eventually.ts";
import { type GroupManager, ManagerGroup } from "./manager-group.ts";

const image = "busybox:latest";
const inTime = { timeout: callLimit };
let group: ManagerGroup;
const workers: RunningWorker[] = [];

interface RunningWorker {
  readonly node: TestNode;
  readonly engine: FakeEngine;
  stop(): Promise<void>;
}

beforeAll(async () => {
  group = await ManagerGroup.start(2);
  for (const through of [group.leader, group.follower]) workers.push(await startWorker(through));
});
afterAll(async () => {
  for (const worker of workers) await worker.stop();
  await group.stop();
});

async function startWorker(through: GroupManager): Promise<RunningWorker> {
  const node = await group.worker();
  const engine = new FakeEngine({ images: [image] });
  const abort = new AbortController();
  const worker = createWorker({
    nodeId: node.nodeId,
    engine,
    connect: async () => connectionOver(group.channel(node, through), through.address, () => undefined),
    secretMount: new MemorySecretMount(),
    journal: new MemoryTaskJournal(),
    clock: systemClock(),
    random: cryptoRandom(),
    log: silentLogger(),
  });
  const running = worker.run(abort.signal);
  await eventually(() => expect(worker.hasSession).toBe(true));
  const stop = async (): Promise<void> => {
    abort.abort();
    await running;
  };
  return { node, engine, stop };
}

const control = () => group.follower.local.client("docker.swarmkit.v1.Control");

/** A service with one task on each worker, whose containers print `script`'s words and stay. */
async function talkers(name: string, script: string, replicas = 2): Promise<string> {
  const spec: ServiceSpecInput = {
    annotations: { name },
    task: { container: { image, command: ["sh", "-c", `${script}; sleep`] } },
    replicated: { replicas: String(replicas) },
  };
  // After a change of leaders a worker may still be on its way to the next one, and would get no task.
  await eventually(() => expect(workers.map(({ node }) => stateOf(node.nodeId))).toEqual(["READY", "READY"]));
  const serviceId = (await control().CreateService({ spec }, inTime)).service?.id ?? "";
  await runningTasks(serviceId, replicas);
  return serviceId;
}

const stateOf = (nodeId: string): string | undefined =>
  group.leader.manager.store.view((tx) => tx.get(nodes, nodeId))?.status?.state;

async function runningTasks(serviceId: string, count: number): Promise<readonly Task[]> {
  return await eventually(() => {
    const found = group.leader.manager.store.view((tx) => tx.by(tasks, "service", serviceId));
    const running = found.filter((task) => task.status?.state === "RUNNING");
    expect(running).toHaveLength(count);
    return running;
  });
}

const containersOf = (serviceId: string): readonly FakeContainer[] =>
  workers.flatMap(({ engine }) =>
    engine.containers.filter(({ spec }) => spec.labels["com.docker.swarm.service.id"] === serviceId),
  );

/** The first container of a service prints a line. */
function print(serviceId: string, text: string): void {
  const [container] = containersOf(serviceId);
  const engine = workers
    .map((worker) => worker.engine)
    .find(({ containers }) => containers.some((one) => one === container));
  invariant(container !== undefined && engine !== undefined, "the service runs somewhere");
  engine.write(container, "stdout", text);
}

/** Reads a service's logs through a manager, that does not lead where nobody says which. */
function read(
  selector: { serviceIds: string[] } | { taskIds: string[] },
  options: LogSubscriptionOptionsInput,
  through: GroupManager = group.follower,
) {
  const abort = new AbortController();
  const messages: LogMessage[] = [];
  const stream = through.local
    .client("docker.swarmkit.v1.Logs")
    .SubscribeLogs({ selector, options }, { signal: abort.signal });
  const ended = (async () => {
    for await (const { messages: batch = [] } of stream) messages.push(...batch);
    return "complete";
  })().catch((error: unknown) => (isSwarmError(error) ? error.message : String(error)));
  return {
    messages,
    ended,
    stop: () => abort.abort(),
    texts: () => messages.map(({ data }) => data?.toString().trim() ?? "").sort(),
  };
}

test("a service's lines come from every worker, with whose they are and which stream, and end", async () => {
  const serviceId = await talkers("both", "echo out; echo err >&2");
  const logs = read({ serviceIds: [serviceId] }, {});
  expect(await logs.ended).toBe("complete");
  expect(logs.texts()).toEqual(["err", "err", "out", "out"]);
  const found = await runningTasks(serviceId, 2);
  expect(new Set(logs.messages.map(({ context }) => context?.taskId))).toEqual(new Set(found.map(({ id }) => id)));
  for (const { context, stream, data } of logs.messages) {
    expect(context?.nodeId).toBe(found.find(({ id }) => id === context?.taskId)?.nodeId);
    expect(stream).toBe(data?.toString() === "out\n" ? "LOG_STREAM_STDOUT" : "LOG_STREAM_STDERR");
  }
});

test("one task alone, its last lines alone, one stream alone", async () => {
  const serviceId = await talkers("chatty", "echo 1; echo 2; echo 3; echo bad >&2", 1);
  const [{ id = "" } = {}] = await runningTasks(serviceId, 1);
  const textsOf = async (options: LogSubscriptionOptionsInput): Promise<readonly string[]> => {
    const logs = read({ taskIds: [id] }, options);
    expect(await logs.ended).toBe("complete");
    return logs.texts();
  };
  expect(await textsOf({})).toEqual(["1", "2", "3", "bad"]);
  expect(await textsOf({ tail: "-3" })).toEqual(["3", "bad"]);
  expect(await textsOf({ streams: ["LOG_STREAM_STDERR"] })).toEqual(["bad"]);
});

test("who follows sees new lines and new tasks; when he goes, no worker reads on", async () => {
  const serviceId = await talkers("growing", "echo first", 1);
  const logs = read({ serviceIds: [serviceId] }, { follow: true });
  await eventually(() => expect(logs.texts()).toEqual(["first"]));
  print(serviceId, "later");
  await eventually(() => expect(logs.texts()).toEqual(["first", "later"]));
  const { service } = await control().GetService({ serviceId }, inTime);
  await control().UpdateService(
    {
      serviceId,
      serviceVersion: service?.meta?.version ?? {},
      spec: { ...service?.spec, replicated: { replicas: "3" } },
    },
    inTime,
  );
  await eventually(() => expect(logs.texts()).toEqual(["first", "first", "first", "later"]));
  expect(containersOf(serviceId).map(({ logReaders }) => logReaders)).toEqual([1, 1, 1]);
  logs.stop();
  await eventually(() => expect(containersOf(serviceId).map(({ logReaders }) => logReaders)).toEqual([0, 0, 0]));
});

test("who follows reads on when the leader changes, on whichever manager: nothing is lost, nothing comes twice", async () => {
  const serviceId = await talkers("lasting", "echo first; echo second");
  const readers = group.managers.map((manager) => read({ serviceIds: [serviceId] }, { follow: true }, manager));
  const expected = ["first", "first", "second", "second"];
  const allHave = (): Promise<void> =>
    eventually(() => expect(readers.map(({ texts }) => texts())).toEqual(readers.map(() => [...expected].sort())));
  await allHave();
  for (const round of ["third", "fourth"]) {
    const { manager } = group.leader;
    print(serviceId, `${round}, under the old leader`);
    await manager.raft.transferLeadership();
    // Nobody listens yet.
    print(serviceId, `${round}, between the two`);
    await eventually(() => expect(group.leader.manager).not.toBe(manager));
    print(serviceId, `${round}, under the new leader`);
    expected.push(
      ...["under the old leader", "between the two", "under the new leader"].map((when) => `${round}, ${when}`),
    );
    await allHave();
  }
  // One subscription each, as before.
  await eventually(() => expect(containersOf(serviceId).map(({ logReaders }) => logReaders)).toEqual([2, 2]));
  for (const reader of readers) reader.stop();
  await eventually(() => expect(containersOf(serviceId).map(({ logReaders }) => logReaders)).toEqual([0, 0]));
});

test("who follows reads on when the leader is gone without handing over", async () => {
  const serviceId = await talkers("orphaned", "echo first");
  const leader = await group.add();
  await eventually(async () => {
    const { raft } = group.leader.manager;
    if (group.leader !== leader) await raft.transferLeadership(leader.manager.raft.self.raftId);
    expect(group.leader).toBe(leader);
  });
  const [reader = leader] = group.managers;
  const logs = read({ serviceIds: [serviceId] }, { follow: true }, reader);
  await eventually(() => expect(logs.texts()).toEqual(["first", "first"]));
  const stopping = leader.stop({ handOver: false });
  print(serviceId, "without a leader");
  await stopping;
  await eventually(() => expect(logs.texts()).toEqual(["first", "first", "without a leader"]));
  print(serviceId, "with the next one");
  await eventually(() => expect(logs.texts()).toEqual(["first", "first", "with the next one", "without a leader"]));
  logs.stop();
});

test("what a worker that is gone has printed is missing, and the reader is told whose", async () => {
  const serviceId = await talkers("lost", "echo here");
  const [, gone] = workers;
  await gone?.stop();
  const goneId = gone?.node.nodeId ?? "";
  await eventually(() => expect(stateOf(goneId)).toBe("DOWN"));
  // What replaces the lost task prints too.
  const selected = await eventually(() => {
    const all = group.leader.manager.store.view((tx) => tx.by(tasks, "service", serviceId));
    const wanted = all.filter(({ desiredState }) => desiredState === "RUNNING");
    expect(wanted.map(({ nodeId, status }) => nodeId !== goneId && status?.state === "RUNNING")).not.toContain(false);
    return all;
  });
  const stayed = selected.filter(({ nodeId, status }) => nodeId !== goneId && status?.container !== undefined).length;
  const logs = read({ serviceIds: [serviceId] }, {});
  expect(await logs.ended).toMatch(new RegExp(`incomplete log stream.*node ${goneId} is not available`));
  expect(logs.texts()).toEqual(Array.from({ length: stayed }, () => "here"));
});
