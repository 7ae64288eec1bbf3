import { type Duration, milliseconds, seconds } from "@mswarm/runtime";
import { afterEach, expect, test } from "vitest";
import { isWanted } from "../objects/task-state.ts";
import { replicated, TestSwarm, type TestSwarmOptions } from "./testing/test-swarm.ts";

let swarm: TestSwarm;
afterEach(async () => await swarm.stop());

const start = (options: TestSwarmOptions): void => {
  swarm = new TestSwarm(options);
};

/** Least number of running tasks in every tenth of a second of `span`. */
async function leastRunning(id: string, span: Duration): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let passed = 0; passed < span; passed += 100) {
    await swarm.advance(milliseconds(100));
    least = Math.min(least, swarm.running(id).length);
  }
  return least;
}

test.each([
  ["START_FIRST", 4],
  ["STOP_FIRST", 2],
] as const)("a node is drained in the order in which its service is updated: %s", async (order, least) => {
  start({ nodes: 2 });
  const web = swarm.createService(replicated(4, { update: { order } }));
  await swarm.advance(seconds(10));
  swarm.setAvailability("node1", "DRAIN");
  expect(await leastRunning(web, seconds(20))).toBe(least);
  expect(swarm.perNode(web)).toEqual({ node2: 4 });
  expect(swarm.tasks(web).filter(isWanted)).toHaveLength(4);
});

test("a drained node whose tasks find no other place is empty after a minute all the same", async () => {
  start({ nodes: 1 });
  const web = swarm.createService(replicated(2, { update: { order: "START_FIRST" } }));
  await swarm.advance(seconds(10));
  swarm.setAvailability("node1", "DRAIN");
  await swarm.advance(seconds(50));
  expect(swarm.running(web)).toHaveLength(2);
  await swarm.advance(seconds(20));
  expect(swarm.running(web)).toHaveLength(0);
  // And nothing more is made of them than one successor each.
  expect(swarm.tasks(web).filter(isWanted)).toHaveLength(2);
});

test("successors that fail do not keep a drained node for ever, however little history is kept", async () => {
  let isDrained = false;
  start({
    nodes: 2,
    historyLimit: 0,
    agents: { fate: ({ nodeId }) => (isDrained && nodeId === "node2" ? "fails" : "runs") },
  });
  swarm.setAvailability("node2", "PAUSE");
  const web = swarm.createService(
    replicated(1, {
      update: { order: "START_FIRST" },
      task: { restart: { condition: "ANY", delay: { seconds: "1" } } },
    }),
  );
  await swarm.advance(seconds(10));
  isDrained = true;
  swarm.setAvailability("node2", "ACTIVE");
  swarm.setAvailability("node1", "DRAIN");
  await swarm.advance(seconds(30));
  expect(swarm.perNode(web)).toEqual({ node1: 1 });
  await swarm.advance(seconds(40));
  expect(swarm.perNode(web)).toEqual({});
});

test("a drain that is called off leaves the old tasks where they are", async () => {
  start({ nodes: 1 });
  const web = swarm.createService(replicated(2, { update: { order: "START_FIRST" } }));
  await swarm.advance(seconds(10));
  const before = swarm.running(web).map(({ id }) => id);
  swarm.setAvailability("node1", "DRAIN");
  await swarm.advance(seconds(10));
  swarm.setAvailability("node1", "ACTIVE");
  await swarm.advance(seconds(30));
  expect(swarm.running(web).map(({ id }) => id)).toEqual(before);
  expect(swarm.tasks(web).filter(isWanted)).toHaveLength(2);
});

test("a node that is down while it is drained is not waited for", async () => {
  start({ nodes: 2 });
  const web = swarm.createService(replicated(2, { update: { order: "START_FIRST" } }));
  await swarm.advance(seconds(10));
  swarm.setAvailability("node1", "DRAIN");
  swarm.setNodeState("node1", "DOWN");
  await swarm.advance(seconds(3));
  expect(swarm.perNode(web)).toEqual({ node2: 2 });
});
