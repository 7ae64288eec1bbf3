import { minutes, seconds } from "@mswarm/runtime";
import type { ServiceSpec, Task } from "@mswarm/wire";
import { afterEach, expect, test } from "vitest";
import { desiredOf, stateOf } from "../objects/task-state.ts";
import { TestSwarm, withImage } from "./testing/test-swarm.ts";

const swarms: TestSwarm[] = [];
const swarmOf = (...options: ConstructorParameters<typeof TestSwarm>): TestSwarm => {
  const swarm = new TestSwarm(...options);
  swarms.push(swarm);
  return swarm;
};
afterEach(async () => {
  for (const swarm of swarms.splice(0)) await swarm.stop();
});

const global = (spec: ServiceSpec = {}): ServiceSpec => ({
  ...spec,
  task: { container: { image: "agent:1" }, ...spec.task },
  global: {},
});
const onNode = (swarm: TestSwarm, service: string, nodeId: string): readonly Task[] =>
  swarm.tasks(service).filter((task) => task.nodeId === nodeId);

test("every node gets one task, also a node that comes later", async () => {
  const swarm = swarmOf({ nodes: 2 });
  const agent = swarm.createService(global());
  await swarm.advance(seconds(3));
  swarm.addNode("late");
  await swarm.advance(seconds(3));
  expect(swarm.perNode(agent)).toEqual({ node1: 1, node2: 1, late: 1 });
});

test("only nodes that satisfy the constraints have one, and a changed label moves it", async () => {
  const swarm = swarmOf({ nodes: 2 });
  const agent = swarm.createService(global({ task: { placement: { constraints: ["node.labels.edge==yes"] } } }));
  await swarm.advance(seconds(3));
  expect(swarm.perNode(agent)).toEqual({});
  const label = (id: string, edge: string): void =>
    swarm.changeNode(id, (node) => ({ ...node, spec: { ...node.spec, annotations: { labels: { edge } } } }));
  label("node1", "yes");
  await swarm.advance(seconds(3));
  expect(swarm.perNode(agent)).toEqual({ node1: 1 });
  label("node1", "no");
  label("node2", "yes");
  await swarm.advance(seconds(5));
  expect(swarm.perNode(agent)).toEqual({ node2: 1 });
});

test("a drained node loses its task and gets one again when it is active", async () => {
  const swarm = swarmOf({ nodes: 2 });
  const agent = swarm.createService(global({ task: { restart: { condition: "NONE" } } }));
  await swarm.advance(seconds(3));
  swarm.setAvailability("node1", "DRAIN");
  await swarm.advance(seconds(3));
  expect(swarm.perNode(agent)).toEqual({ node2: 1 });
  swarm.setAvailability("node1", "ACTIVE");
  await swarm.advance(seconds(3));
  expect(swarm.perNode(agent)).toEqual({ node1: 1, node2: 1 });
});

test("a paused node keeps its task, and misses an update until it is active again", async () => {
  const swarm = swarmOf({ nodes: 2 });
  const agent = swarm.createService(global());
  await swarm.advance(seconds(3));
  swarm.setAvailability("node1", "PAUSE");
  swarm.updateService(agent, withImage("agent:2"));
  await swarm.advance(minutes(1));
  const images = (): (string | undefined)[] =>
    swarm
      .running(agent)
      .map((task) => task.spec?.container?.image)
      .sort();
  expect(images()).toEqual(["agent:1", "agent:2"]);
  swarm.setAvailability("node1", "ACTIVE");
  await swarm.advance(minutes(1));
  expect(images()).toEqual(["agent:2", "agent:2"]);
});

test("an update goes from node to node", async () => {
  const swarm = swarmOf({ nodes: 5, agents: { startTime: seconds(2) } });
  const agent = swarm.createService(global({ update: { parallelism: "2" } }));
  await swarm.advance(seconds(5));
  swarm.updateService(agent, withImage("agent:2"));
  let least = 5;
  for (let second = 0; second < 30; second += 1) {
    await swarm.advance(seconds(1));
    least = Math.min(least, swarm.running(agent).length);
  }
  expect(least).toBe(3);
  expect(new Set(swarm.running(agent).map((task) => task.spec?.container?.image))).toEqual(new Set(["agent:2"]));
  expect(swarm.service(agent)?.updateStatus?.state).toBe("COMPLETED");
});

test("a failed task is restarted on its node after the delay", async () => {
  let isBroken = true;
  const swarm = swarmOf({ nodes: 1, agents: { fate: () => (isBroken ? "fails" : "runs") } });
  const agent = swarm.createService(global());
  await swarm.advance(seconds(3));
  isBroken = false;
  expect(onNode(swarm, agent, "node1").map((task) => [stateOf(task), desiredOf(task)])).toContainEqual([
    "READY",
    "READY",
  ]);
  await swarm.advance(seconds(6));
  expect(swarm.perNode(agent)).toEqual({ node1: 1 });
});

test("with the node its tasks are forgotten; with the service all are removed", async () => {
  const swarm = swarmOf({ nodes: 2 });
  const agent = swarm.createService(global());
  await swarm.advance(seconds(3));
  swarm.removeNode("node1");
  await swarm.advance(seconds(3));
  expect(onNode(swarm, agent, "node1")).toEqual([]);
  swarm.removeService(agent);
  await swarm.advance(seconds(3));
  expect(swarm.tasks(agent)).toEqual([]);
});

test("a node that comes back waits with the new task until the old one has stopped", async () => {
  const swarm = swarmOf({ nodes: 1, agents: { stopTime: seconds(10) } });
  const agent = swarm.createService(global());
  await swarm.advance(seconds(3));
  swarm.setNodeState("node1", "DOWN");
  await swarm.advance(seconds(3));
  swarm.setNodeState("node1", "READY");
  await swarm.advance(seconds(5));
  expect(onNode(swarm, agent, "node1").filter((task) => stateOf(task) === "RUNNING")).toHaveLength(1);
  await swarm.advance(seconds(10));
  expect(swarm.perNode(agent)).toEqual({ node1: 1 });
});
