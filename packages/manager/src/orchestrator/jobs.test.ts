import { milliseconds, minutes, seconds } from "@mswarm/runtime";
import type { ServiceSpec, Task } from "@mswarm/wire";
import { afterEach, expect, test } from "vitest";
import { slotOf } from "../objects/service-mode.ts";
import { desiredOf, isActive, stateOf } from "../objects/task-state.ts";
import type { Fate } from "./testing/fake-agents.ts";
import { TestSwarm, type TestSwarmOptions, withImage } from "./testing/test-swarm.ts";

let swarm: TestSwarm;
afterEach(async () => await swarm.stop());

const works = (after = 3): Fate => ({ exits: "COMPLETE", after: seconds(after) });
const fails: Fate = { exits: "FAILED", after: seconds(1) };

const start = (options: TestSwarmOptions = {}): void => {
  swarm = new TestSwarm({ nodes: 3, agents: { fate: () => works() }, ...options });
};

const job = (maxConcurrent: number, totalCompletions: number, task: ServiceSpec["task"] = {}): ServiceSpec => ({
  task: { container: { image: "job:1" }, ...task },
  replicatedJob: { maxConcurrent: String(maxConcurrent), totalCompletions: String(totalCompletions) },
});
const globalJob = (task: ServiceSpec["task"] = {}): ServiceSpec => ({
  task: { container: { image: "job:1" }, ...task },
  globalJob: {},
});

const underWay = (id: string): readonly Task[] =>
  swarm.tasks(id).filter((task) => isActive(task) && stateOf(task) !== "COMPLETE");
const completedSlots = (id: string): readonly number[] =>
  swarm
    .tasks(id)
    .filter((task) => stateOf(task) === "COMPLETE")
    .map(slotOf)
    .sort((left, right) => left - right);
const iteration = (task: Task): string => task.jobIteration?.index ?? "0";

test("a replicated job fills its slots a few at a time and then rests", async () => {
  start();
  const id = swarm.createService(job(2, 5));
  let most = 0;
  for (let step = 0; step < 200; step += 1) {
    await swarm.advance(milliseconds(100));
    most = Math.max(most, underWay(id).length);
  }
  expect(most).toBe(2);
  expect(completedSlots(id)).toEqual([0, 1, 2, 3, 4]);
  await swarm.advance(minutes(10));
  expect(swarm.tasks(id)).toHaveLength(5);
  expect(swarm.tasks(id).map(desiredOf)).toEqual(Array(5).fill("COMPLETE"));
});

test("a task of a job that fails is tried again in its slot after the delay, though the condition is any", async () => {
  const failed = new Set<number>();
  start({
    agents: {
      fate: (task) => {
        if (slotOf(task) !== 1 || failed.size > 2) return works(1);
        if (stateOf(task) === "RUNNING") failed.add(slotOf(task) + failed.size);
        return fails;
      },
    },
  });
  const restart = { condition: "ANY", delay: { seconds: "2" } } as const;
  const id = swarm.createService(job(3, 3, { restart }));
  await swarm.advance(minutes(1));
  expect(completedSlots(id)).toEqual([0, 1, 2]);
  const attempts = swarm.tasks(id).filter((task) => slotOf(task) === 1);
  expect(attempts.length).toBeGreaterThan(1);
});

test("a slot of a job whose attempts are used up is left alone, and the others go on", async () => {
  start({ agents: { fate: (task) => (slotOf(task) === 0 ? fails : works(1)) } });
  const id = swarm.createService(job(1, 3, { restart: { condition: "ON_FAILURE", maxAttempts: "2" } }));
  await swarm.advance(minutes(5));
  expect(completedSlots(id)).toEqual([1, 2]);
  const attempts = swarm.tasks(id).filter((task) => slotOf(task) === 0);
  expect(attempts.map(stateOf)).toEqual(["FAILED", "FAILED", "FAILED"]);
  expect(underWay(id)).toEqual([]);
});

test("an update of a job begins its next iteration, and what the last one still ran is stopped", async () => {
  start({ agents: { fate: ({ spec }) => (spec?.container?.image === "job:1" ? works(600) : works(2)) } });
  const id = swarm.createService(job(2, 2));
  await swarm.advance(seconds(10));
  expect(underWay(id)).toHaveLength(2);
  swarm.updateService(id, withImage("job:2"));
  await swarm.advance(minutes(1));
  const now = swarm.tasks(id).filter((task) => iteration(task) === "1");
  expect(now.map(stateOf)).toEqual(["COMPLETE", "COMPLETE"]);
  expect(swarm.tasks(id).filter((task) => iteration(task) === "0")).toEqual([]);
});

test("a job that is run again and again keeps no more tasks of a slot than the history limit", async () => {
  start({ historyLimit: 2 });
  const id = swarm.createService(job(2, 2));
  for (let run = 0; run < 6; run += 1) {
    await swarm.advance(seconds(20));
    swarm.updateService(id, (spec) => spec);
  }
  await swarm.advance(seconds(20));
  expect(swarm.tasks(id)).toHaveLength(4);
  const last = swarm.tasks(id).filter((task) => iteration(task) === "6");
  expect(last.map(stateOf)).toEqual(["COMPLETE", "COMPLETE"]);
});

test("a global job runs once on every node, also on one that comes later, and not again on one that comes back", async () => {
  start();
  swarm.setAvailability("node3", "PAUSE");
  const id = swarm.createService(globalJob());
  await swarm.advance(seconds(20));
  const nodesOf = (): readonly string[] =>
    swarm
      .tasks(id)
      .map(({ nodeId = "" }) => nodeId)
      .sort();
  expect(nodesOf()).toEqual(["node1", "node2"]);
  swarm.setAvailability("node3", "ACTIVE");
  swarm.addNode("node4");
  swarm.setNodeState("node1", "DOWN");
  await swarm.advance(seconds(20));
  swarm.setNodeState("node1", "READY");
  await swarm.advance(seconds(20));
  expect(nodesOf()).toEqual(["node1", "node2", "node3", "node4"]);
  expect(swarm.tasks(id).map(stateOf)).toEqual(Array(4).fill("COMPLETE"));
});

test("a global job's task is stopped on a drained node, and done there when the node is active again", async () => {
  start({ agents: { fate: () => works(30) } });
  const id = swarm.createService(globalJob());
  await swarm.advance(seconds(10));
  swarm.setAvailability("node2", "DRAIN");
  await swarm.advance(minutes(2));
  const onNode = (): readonly string[] =>
    swarm
      .tasks(id)
      .filter(({ nodeId }) => nodeId === "node2")
      .map(stateOf)
      .sort();
  expect(onNode()).toEqual(["SHUTDOWN"]);
  swarm.setAvailability("node2", "ACTIVE");
  await swarm.advance(minutes(2));
  expect(onNode()).toEqual(["COMPLETE", "SHUTDOWN"]);
});

test("a replicated job's task moves to another node when its own is lost or drained", async () => {
  start({ agents: { fate: () => works(30) } });
  const id = swarm.createService(job(1, 1));
  await swarm.advance(seconds(5));
  const [first] = underWay(id);
  swarm.setNodeState(first?.nodeId ?? "", "DOWN");
  await swarm.advance(seconds(5));
  const [second] = underWay(id);
  expect(second?.nodeId).not.toBe(first?.nodeId);
  swarm.setAvailability(second?.nodeId ?? "", "DRAIN");
  await swarm.advance(minutes(2));
  expect(completedSlots(id)).toEqual([0]);
});

test("a new leader goes on with a job without doing anything twice", async () => {
  start();
  const id = swarm.createService(job(2, 6));
  for (let turn = 0; turn < 6; turn += 1) {
    await swarm.advance(seconds(2));
    swarm.stopLeading();
    await swarm.advance(seconds(1));
    swarm.lead();
  }
  await swarm.advance(minutes(1));
  expect(completedSlots(id)).toEqual([0, 1, 2, 3, 4, 5]);
  expect(swarm.tasks(id)).toHaveLength(6);
});

test("the tasks of a removed job go, done or not", async () => {
  start({ agents: { fate: (task) => (slotOf(task) === 0 ? works(1) : works(600)) } });
  const id = swarm.createService(job(2, 2));
  await swarm.advance(seconds(10));
  expect(swarm.tasks(id).map(stateOf).sort()).toEqual(["COMPLETE", "RUNNING"]);
  swarm.removeService(id);
  await swarm.advance(seconds(10));
  expect(swarm.tasks(id)).toEqual([]);
});
