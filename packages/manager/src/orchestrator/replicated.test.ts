import { milliseconds, minutes, seconds } from "@mswarm/runtime";
import { settle } from "@mswarm/runtime/simulated";
import { tasks } from "@mswarm/store";
import type { Task } from "@mswarm/wire";
import { afterEach, expect, test } from "vitest";
import { slotOf } from "../objects/service-mode.ts";
import { desiredOf, isWanted, stateOf } from "../objects/task-state.ts";
import { byAge } from "../objects/task-time.ts";
import { replicated, TestSwarm, withImage } from "./testing/test-swarm.ts";

const swarms: TestSwarm[] = [];
const swarmOf = (...options: ConstructorParameters<typeof TestSwarm>): TestSwarm => {
  const swarm = new TestSwarm(...options);
  swarms.push(swarm);
  return swarm;
};
afterEach(async () => {
  for (const swarm of swarms.splice(0)) await swarm.stop();
});

const slots = (tasks: readonly Task[]): number[] => tasks.map(slotOf).sort((left, right) => left - right);

test("a service gets its replicas in slots 1 to n, spread over the nodes", async () => {
  const swarm = swarmOf({ nodes: 3 });
  const web = swarm.createService(replicated(6));
  await swarm.advance(seconds(3));
  expect(slots(swarm.running(web))).toEqual([1, 2, 3, 4, 5, 6]);
  expect(swarm.perNode(web)).toEqual({ node1: 2, node2: 2, node3: 2 });
});

test("a task is on its node before any time has passed", async () => {
  const swarm = swarmOf({ nodes: 1 });
  const web = swarm.createService(replicated(1));
  await settle();
  await settle();
  expect(swarm.tasks(web).map(stateOf)).toEqual(["ASSIGNED"]);
});

test("scaling up uses the lowest free slots, scaling down removes the highest", async () => {
  const swarm = swarmOf({ nodes: 2 });
  const web = swarm.createService(replicated(4));
  await swarm.advance(seconds(3));
  swarm.scale(web, 2);
  await swarm.advance(seconds(5));
  expect(slots(swarm.tasks(web))).toEqual([1, 2]);
  swarm.scale(web, 3);
  await swarm.advance(seconds(5));
  expect(slots(swarm.running(web))).toEqual([1, 2, 3]);
});

test("a slot that is used again waits until its old task has stopped", async () => {
  const swarm = swarmOf({ nodes: 1, agents: { stopTime: seconds(20) } });
  const web = swarm.createService(replicated(2));
  await swarm.advance(seconds(3));
  swarm.scale(web, 1);
  await swarm.advance(seconds(1));
  swarm.scale(web, 2);
  await swarm.advance(seconds(10));
  expect(swarm.running(web)).toHaveLength(1);
  expect(
    swarm
      .tasks(web)
      .filter((task) => slotOf(task) === 2)
      .map(desiredOf)
      .sort(),
  ).toEqual(["READY", "REMOVE"]);
  await swarm.advance(seconds(15));
  expect(slots(swarm.running(web))).toEqual([1, 2]);
});

test("a failed task is replaced in its slot after the restart delay and not before", async () => {
  let isBroken = true;
  const swarm = swarmOf({
    nodes: 1,
    agents: { fate: () => (isBroken ? { exits: "FAILED", after: seconds(1) } : "runs") },
  });
  const web = swarm.createService(replicated(1, { task: { restart: { condition: "ANY", delay: { seconds: "10" } } } }));
  await swarm.advance(milliseconds(2_500));
  isBroken = false;
  await swarm.advance(seconds(9));
  const [failed, replacement] = [...swarm.tasks(web)].sort(byAge);
  expect([failed, replacement].map((task) => task && [slotOf(task), stateOf(task), desiredOf(task)])).toEqual([
    [1, "FAILED", "SHUTDOWN"],
    [1, "READY", "READY"],
  ]);
  await swarm.advance(seconds(3));
  expect(swarm.running(web)).toHaveLength(1);
});

test("a new leader honours a restart delay that began under the old one", async () => {
  const swarm = swarmOf({
    nodes: 1,
    agents: { fate: (task) => (hasPredecessor(task) ? "runs" : { exits: "FAILED", after: seconds(1) }) },
  });
  let first: string | undefined;
  const hasPredecessor = (task: Task): boolean => {
    first ??= task.id;
    return task.id !== first;
  };
  const web = swarm.createService(replicated(1, { task: { restart: { condition: "ANY", delay: { seconds: "10" } } } }));
  await swarm.advance(milliseconds(2_100));
  expect(swarm.tasks(web)).toHaveLength(2);
  swarm.stopLeading();
  await swarm.advance(seconds(4));
  swarm.lead();
  await swarm.advance(seconds(4));
  expect(swarm.tasks(web).filter(isWanted).map(desiredOf)).toEqual(["READY"]);
  await swarm.advance(seconds(4));
  expect(swarm.running(web)).toHaveLength(1);
});

test("restart attempts are limited, also across a change of leader", async () => {
  const swarm = swarmOf({
    nodes: 1,
    agents: { fate: () => ({ exits: "FAILED", after: seconds(1) }) },
    historyLimit: 1,
  });
  const restart = { condition: "ANY", delay: { seconds: "1" }, maxAttempts: "3" } as const;
  const web = swarm.createService(replicated(1, { task: { restart } }));
  await swarm.advance(seconds(6));
  swarm.stopLeading();
  swarm.lead();
  await swarm.advance(minutes(2));
  expect(swarm.tasks(web).map(stateOf)).toEqual(["FAILED", "FAILED", "FAILED", "FAILED"]);
});

test("a task that completes is left alone under on-failure, and its slot counts as filled", async () => {
  const swarm = swarmOf({
    nodes: 1,
    agents: { fate: () => ({ exits: "COMPLETE", after: seconds(1) }) },
    historyLimit: 0,
  });
  const web = swarm.createService(replicated(1, { task: { restart: { condition: "ON_FAILURE" } } }));
  await swarm.advance(minutes(2));
  expect(swarm.tasks(web).map(stateOf)).toEqual(["COMPLETE"]);
  expect(swarm.tasks(web)).toHaveLength(1);
});

test("tasks leave a drained node, and start elsewhere only when they have stopped", async () => {
  const swarm = swarmOf({ nodes: 2, agents: { stopTime: seconds(5) } });
  const web = swarm.createService(replicated(4));
  await swarm.advance(seconds(3));
  swarm.setAvailability("node1", "DRAIN");
  await swarm.advance(seconds(3));
  expect(swarm.perNode(web)).toEqual({ node2: 2 });
  await swarm.advance(seconds(5));
  expect(swarm.perNode(web)).toEqual({ node2: 4 });
});

test("tasks of a node that went down are replaced without waiting, those of an unknown one are not", async () => {
  const swarm = swarmOf({ nodes: 2 });
  const web = swarm.createService(replicated(2));
  await swarm.advance(seconds(3));
  swarm.changeNode("node1", (node) => ({ ...node, status: { state: "UNKNOWN" } }));
  await swarm.advance(seconds(3));
  expect(swarm.perNode(web)).toEqual({ node1: 1, node2: 1 });
  swarm.setNodeState("node1", "DOWN");
  await swarm.advance(seconds(2));
  expect(swarm.perNode(web)).toEqual({ node2: 2 });
});

test("what ran on a removed node is orphaned and replaced", async () => {
  const swarm = swarmOf({ nodes: 2 });
  const web = swarm.createService(replicated(2));
  await swarm.advance(seconds(3));
  swarm.removeNode("node1");
  await swarm.advance(seconds(10));
  expect(swarm.perNode(web)).toEqual({ node2: 2 });
  expect(
    swarm
      .tasks(web)
      .filter((task) => task.nodeId === "node1")
      .map(stateOf),
  ).toEqual(["ORPHANED"]);
});

test("tasks of a node that is down for a day are orphaned", async () => {
  const swarm = swarmOf({ nodes: 2 });
  const web = swarm.createService(replicated(2));
  await swarm.advance(seconds(3));
  swarm.setNodeState("node1", "DOWN");
  await swarm.advance(minutes(23 * 60));
  const onLost = (): readonly Task[] => swarm.tasks(web).filter((task) => task.nodeId === "node1");
  expect(onLost().map(stateOf)).toEqual(["RUNNING"]);
  await swarm.advance(minutes(61));
  expect(onLost().map(stateOf)).toEqual(["ORPHANED"]);
});

test("removing a service removes all its tasks, after they have stopped", async () => {
  const swarm = swarmOf({ nodes: 2, agents: { stopTime: seconds(5) } });
  const web = swarm.createService(replicated(300));
  await swarm.advance(seconds(3));
  expect(swarm.running(web)).toHaveLength(300);
  swarm.removeService(web);
  await swarm.advance(seconds(3));
  expect(swarm.tasks(web)).toHaveLength(300);
  await swarm.advance(seconds(5));
  expect(swarm.tasks(web)).toEqual([]);
});

test("a service that was removed while nobody led is cleaned up by the next leader", async () => {
  const swarm = swarmOf({ nodes: 1 });
  const web = swarm.createService(replicated(2));
  await swarm.advance(seconds(3));
  swarm.stopLeading();
  swarm.removeService(web);
  await swarm.advance(seconds(3));
  swarm.lead();
  await swarm.advance(seconds(3));
  expect(swarm.tasks(web)).toEqual([]);
});

test("history is reaped down to the retention limit", async () => {
  const swarm = swarmOf({
    nodes: 1,
    agents: { fate: () => ({ exits: "FAILED", after: seconds(1) }) },
    historyLimit: 3,
  });
  const web = swarm.createService(replicated(1, { task: { restart: { condition: "ANY", delay: { seconds: "1" } } } }));
  await swarm.advance(minutes(5));
  const count = swarm.tasks(web).length;
  expect(count).toBeGreaterThanOrEqual(3);
  expect(count).toBeLessThanOrEqual(4);
});

test("a task that is deleted by hand is replaced", async () => {
  const swarm = swarmOf({ nodes: 1 });
  const web = swarm.createService(replicated(3));
  await swarm.advance(seconds(3));
  const [victim] = swarm.tasks(web);
  await swarm.store.update((tx) => tx.remove(tasks, victim?.id ?? ""));
  await swarm.advance(seconds(3));
  expect(slots(swarm.running(web))).toEqual([1, 2, 3]);
});

test("a change of labels alone replaces nothing", async () => {
  const swarm = swarmOf({ nodes: 1 });
  const web = swarm.createService(replicated(2));
  await swarm.advance(seconds(3));
  const before = swarm.running(web).map((task) => task.id);
  swarm.updateService(web, (spec) => ({ ...spec, annotations: { ...spec.annotations, labels: { tier: "1" } } }));
  await swarm.advance(seconds(30));
  expect(swarm.running(web).map((task) => task.id)).toEqual(before);
  expect(swarm.service(web)?.updateStatus).toBeUndefined();
});

test("an update while no node is ready reaches its tasks as soon as there is one", async () => {
  const swarm = swarmOf({ nodes: 0 });
  const web = swarm.createService(replicated(2));
  await swarm.advance(seconds(3));
  swarm.updateService(web, withImage("nginx:2"));
  await swarm.advance(seconds(3));
  swarm.addNode("late");
  await swarm.advance(seconds(30));
  expect(swarm.running(web).map((task) => task.spec?.container?.image)).toEqual(["nginx:2", "nginx:2"]);
});
