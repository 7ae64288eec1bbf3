import { seconds } from "@mswarm/runtime";
import { afterEach, expect, test } from "vitest";
import { stateOf } from "../objects/task-state.ts";
import { replicated, TestSwarm } from "./testing/test-swarm.ts";

const swarms: TestSwarm[] = [];
afterEach(async () => {
  for (const swarm of swarms.splice(0)) await swarm.stop();
});

test("a task whose node loses the label that it needs is rejected and replaced elsewhere", async () => {
  const swarm = new TestSwarm({});
  swarms.push(swarm);
  const labelled = { spec: { annotations: { labels: { disk: "ssd" } }, availability: "ACTIVE" as const } };
  swarm.addNode("a", labelled);
  swarm.addNode("b", labelled);
  const web = swarm.createService(replicated(2, { task: { placement: { constraints: ["node.labels.disk==ssd"] } } }));
  await swarm.advance(seconds(3));
  expect(swarm.perNode(web)).toEqual({ a: 1, b: 1 });
  swarm.changeNode("a", (node) => ({ ...node, spec: { ...node.spec, annotations: {} } }));
  await swarm.advance(seconds(10));
  expect(swarm.perNode(web)).toEqual({ b: 2 });
  expect(swarm.tasks(web).find((task) => task.nodeId === "a")?.status).toMatchObject({
    state: "REJECTED",
    message: "task rejected by constraint enforcer",
    err: "assigned node no longer meets constraints",
  });
});

test("when a node shrinks, the oldest tasks keep what they reserve", async () => {
  const swarm = new TestSwarm({ nodes: 1 });
  swarms.push(swarm);
  const web = swarm.createService(replicated(4, { task: { resources: { reservations: { nanoCpus: "1000000000" } } } }));
  await swarm.advance(seconds(3));
  swarm.changeNode("node1", (node) => ({
    ...node,
    description: { ...node.description, resources: { nanoCpus: "2000000000" } },
  }));
  await swarm.advance(seconds(20));
  expect(swarm.running(web)).toHaveLength(2);
  expect(swarm.tasks(web).filter((task) => stateOf(task) === "REJECTED").length).toBeGreaterThanOrEqual(2);
});
