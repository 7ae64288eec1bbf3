// How soon a failure is noticed, and how long the cluster's work stands still: each machine has a network of its own, so
// that a plug can be pulled. Prints the figures. The bound on tasks that move is what users were promised; those on writes
// only say that the cluster did go on, on a busy machine too.
import { type Duration, milliseconds, seconds, systemClock } from "@mswarm/runtime";
import type { Task } from "@mswarm/wire";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DaemonProcess } from "../support/daemon-process.ts";
import { type DockerEngine, startDockerEngine } from "../support/docker-engine.ts";
import { callLimit } from "../support/eventually.ts";
import { sleeper } from "../support/service-specs.ts";
import { SteadyWriters } from "../support/steady-writers.ts";
import { TestCluster } from "../support/test-cluster.ts";
import { type TestMachine, TestNetwork } from "../support/test-network.ts";
import { TestService } from "../support/test-service.ts";

const clock = systemClock();
const inTime = { timeout: callLimit };
const machines = new Map<string, TestMachine>();
/** 0.7 × what three Docker Engines 20.10 took on the same machine: 18.4 s. */
const movedWithin = milliseconds(0.7 * 18_400);
const say = (figure: string): void => console.log(`[failure] ${figure}`);

let docker: DockerEngine;
let network: TestNetwork;
let cluster: TestCluster;
let web: TestService;

beforeAll(async () => {
  docker = await startDockerEngine();
  network = await TestNetwork.start();
  for (const name of ["m1", "m2", "m3", "w1", "w2"]) machines.set(name, await network.machine(name));
  const place = (name: string) => ({ machine: machineOf(name) });
  cluster = await TestCluster.start({ engine: docker.address, managers: 3, workers: 2, network, place });
  const constraints = ["node.role==worker"];
  web = await TestService.create(cluster, sleeper("web", { image: docker.image, replicas: 4, constraints }));
  await web.running(4);
});
afterAll(async () => {
  await cluster?.stop();
  await network?.stop();
  await docker?.stop();
});

const machineOf = (name: string): TestMachine => machines.get(name) ?? expect.fail(`${name} has no machine`);

const managers = (): readonly DaemonProcess[] => ["m1", "m2", "m3"].map((name) => cluster.daemon(name));
const managersBut = (one: DaemonProcess): readonly DaemonProcess[] => managers().filter((each) => each !== one);

/** Milliseconds until `look` gives true; it is asked every 10 ms. */
async function until(look: () => Promise<boolean>): Promise<Duration> {
  const begun = clock.monotonic();
  while (!(await look())) {
    if (clock.monotonic() - begun > seconds(60)) expect.fail("nothing has happened in 60 seconds");
    await clock.sleep(milliseconds(10));
  }
  return milliseconds(clock.monotonic() - begun);
}

/** Until all tasks run, none of them on `lost`. */
async function untilMoved(lost: string, asked: DaemonProcess): Promise<Duration> {
  const isMoved = (task: Task): boolean => task.status?.state === "RUNNING" && task.nodeId !== lost;
  return await until(async () => {
    const { tasks = [] } = await asked.control.ListTasks({ filters: { serviceIds: [web.id] } }, inTime);
    const wanted = tasks.filter(({ desiredState }) => desiredState === "RUNNING");
    return wanted.length === 4 && wanted.every(isMoved);
  });
}

/** Moves the tasks back to both workers. */
async function evenOut(): Promise<void> {
  await cluster.allReady();
  await web.scale(0);
  await web.running(0);
  await web.scale(4);
  const areApart = (tasks: readonly Task[]): boolean => new Set(tasks.map(({ nodeId }) => nodeId)).size === 2;
  await web.running(4, areApart);
}

test("the tasks of a killed worker run elsewhere within seconds", async () => {
  const worker = cluster.daemon("w1");
  const [nodeId, leader] = [await worker.nodeId(), await cluster.leader()];
  await worker.kill();
  const took = await untilMoved(nodeId, leader).finally(() => worker.start());
  say(`worker killed: its tasks ran elsewhere after ${Math.round(took)} ms`);
  expect(took).toBeLessThan(movedWithin);
  await evenOut();
});

test("the tasks of a worker whose plug was pulled run elsewhere within seconds, and it finds its way back", async () => {
  const worker = cluster.daemon("w2");
  const [nodeId, leader] = [await worker.nodeId(), await cluster.leader()];
  await machineOf("w2").cut();
  const took = await untilMoved(nodeId, leader).finally(() => machineOf("w2").heal());
  say(`worker's plug pulled: its tasks ran elsewhere after ${Math.round(took)} ms`);
  expect(took).toBeLessThan(movedWithin);
  const back = await until(async () => {
    const { node } = await leader.control.GetNode({ nodeId }, inTime);
    return node?.status?.state === "READY";
  });
  say(`worker's plug put back: READY after ${Math.round(back)} ms`);
  await evenOut();
});

test("a manager that is killed or unplugged takes no worker with it", async () => {
  const leader = await cluster.leader();
  const [follower] = managersBut(leader);
  const lost = follower ?? expect.fail("there is no follower");
  const before = (await web.running(4)).map(({ id }) => id).sort();
  await machineOf(lost.name).cut();
  await clock.sleep(seconds(12)).finally(() => machineOf(lost.name).heal());
  await cluster.allReady();
  expect((await web.running(4)).map(({ id }) => id).sort()).toEqual(before);
});

test("writes go on when the leader is stopped gently", async () => {
  const leader = await cluster.leader();
  const writers = SteadyWriters.start("stopped", managersBut(leader), 8);
  await writers.pass();
  // The test before has pulled a plug: connections to that machine may have been slow until now.
  writers.measure();
  await leader.stop();
  await writers.pass().finally(() => leader.start());
  await writers.stop();
  report("leader stopped gently", writers);
  // 0.1 to 0.2 s on an idle machine, 0.6 s where ten programs want each processor.
  expect(writers.longestWrite).toBeLessThan(seconds(2.5));
  await cluster.allReady();
  await writers.areHeldBy(managers());
});

test("writes go on when the leader hangs, and it follows when it wakes up", async () => {
  const leader = await cluster.leader();
  const writers = SteadyWriters.start("hung", managersBut(leader), 8);
  await writers.pass();
  leader.freeze(true);
  await writers.pass().finally(() => leader.freeze(false));
  await writers.stop();
  report("leader hung (SIGSTOP)", writers);
  expect(writers.longestWrite).toBeLessThan(seconds(20));
  await cluster.allReady();
  await writers.areHeldBy(managers());
});

test("a leader cut off from the others acknowledges nothing any more, and the others go on", async () => {
  const leader = await cluster.leader();
  const writers = SteadyWriters.start("apart", managersBut(leader), 8);
  const alone = SteadyWriters.start("alone", [leader], 4);
  await writers.pass();
  await machineOf(leader.name).cut();
  const steppedDown = await until(async () => (await leader.status()).raft?.role !== "leader")
    .finally(() => writers.pass())
    .finally(() => machineOf(leader.name).heal());
  await alone.pass();
  await Promise.all([writers.stop(), alone.stop()]);
  report("leader's plug pulled, at the others", writers);
  report("leader's plug pulled and put back, at itself", alone);
  say(`a leader without its followers steps down after ${Math.round(steppedDown)} ms`);
  expect(writers.longestWrite).toBeLessThan(seconds(20));
  await cluster.allReady();
  await writers.areHeldBy(managers());
  await alone.areHeldBy(managers());
});

test("a worker that leaves is known to be gone at once", async () => {
  const worker = cluster.daemon("w1");
  const [nodeId, leader] = [await worker.nodeId(), await cluster.leader()];
  const leaving = worker.daemon.Leave({}, inTime);
  const took = await until(async () => {
    const { node } = await leader.control.GetNode({ nodeId }, inTime);
    return node?.status?.state === "DOWN";
  });
  say(`worker leaves: DOWN after ${Math.round(took)} ms`);
  expect(took).toBeLessThan(seconds(2));
  const moved = await untilMoved(nodeId, leader);
  say(`worker leaves: its tasks ran elsewhere ${Math.round(moved)} ms later`);
  await leaving;
});

function report(what: string, { longestWrite, failures, acknowledged }: SteadyWriters): void {
  say(`${what}: the longest write took ${Math.round(longestWrite)} ms, ${acknowledged.size} acknowledged`);
  for (const [text, count] of failures) say(`  ${count} × ${text}`);
}
