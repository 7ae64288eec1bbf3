import { type Duration, milliseconds, minutes, seconds } from "@mswarm/runtime";
import type { Task, UpdateConfig } from "@mswarm/wire";
import { afterEach, expect, test } from "vitest";
import { isWanted, stateOf } from "../objects/task-state.ts";
import type { FakeAgentOptions } from "./testing/fake-agents.ts";
import { replicated, TestSwarm, withImage } from "./testing/test-swarm.ts";

const swarms: TestSwarm[] = [];
afterEach(async () => {
  for (const swarm of swarms.splice(0)) await swarm.stop();
});

/** A service of six replicas that run `nginx:1`. */
async function serviceWith(
  update: UpdateConfig,
  agents: FakeAgentOptions = {},
): Promise<{ swarm: TestSwarm; web: string }> {
  const swarm = new TestSwarm({ nodes: 3, agents });
  swarms.push(swarm);
  const web = swarm.createService(replicated(6, { update, rollback: { parallelism: "2" } }));
  await swarm.advance(seconds(10));
  expect(swarm.running(web)).toHaveLength(6);
  return { swarm, web };
}

const imageOf = (task: Task): string => task.spec?.container?.image ?? "";
const images = (swarm: TestSwarm, web: string): string[] => swarm.running(web).map(imageOf).sort();
const all = (image: string): string[] => Array.from({ length: 6 }, () => image);

/** Looks every 100 ms until `span` is over. */
async function watch(swarm: TestSwarm, span: Duration, look: () => void): Promise<void> {
  for (let passed = 0; passed < span; passed += 100) {
    await swarm.advance(milliseconds(100));
    look();
  }
}

test("an update with parallelism 2 never takes down more than two tasks, and reaches all", async () => {
  const { swarm, web } = await serviceWith({ parallelism: "2" }, { startTime: seconds(2), stopTime: seconds(2) });
  swarm.updateService(web, withImage("nginx:2"));
  let least = 6;
  await watch(swarm, seconds(30), () => {
    least = Math.min(least, swarm.running(web).length);
  });
  expect(least).toBe(4);
  expect(images(swarm, web)).toEqual(all("nginx:2"));
  expect(swarm.service(web)?.updateStatus).toMatchObject({ state: "COMPLETED", message: "update completed" });
});

test("the delay passes after each slot", async () => {
  const { swarm, web } = await serviceWith({ parallelism: "1", delay: { seconds: "20" } });
  swarm.updateService(web, withImage("nginx:2"));
  await swarm.advance(seconds(10));
  expect(images(swarm, web).filter((image) => image === "nginx:2")).toHaveLength(1);
  await swarm.advance(seconds(22));
  expect(images(swarm, web).filter((image) => image === "nginx:2")).toHaveLength(2);
  await swarm.advance(minutes(2));
  expect(swarm.service(web)?.updateStatus?.state).toBe("COMPLETED");
});

test("start-first keeps the capacity during the whole update, and exceeds it by the parallelism only", async () => {
  const { swarm, web } = await serviceWith({ parallelism: "2", order: "START_FIRST" }, { startTime: seconds(3) });
  swarm.updateService(web, withImage("nginx:2"));
  let least = 6;
  let most = 0;
  await watch(swarm, seconds(30), () => {
    least = Math.min(least, swarm.running(web).length);
    most = Math.max(most, swarm.tasks(web).filter(isWanted).length);
  });
  expect([least, most]).toEqual([6, 8]);
  expect(images(swarm, web)).toEqual(all("nginx:2"));
});

test("parallelism 0 updates everything at once", async () => {
  const { swarm, web } = await serviceWith({ parallelism: "0" }, { startTime: seconds(5) });
  swarm.updateService(web, withImage("nginx:2"));
  await swarm.advance(seconds(3));
  expect(swarm.running(web)).toHaveLength(0);
  await swarm.advance(seconds(5));
  expect(images(swarm, web)).toEqual(all("nginx:2"));
});

const bad: FakeAgentOptions = { fate: (task) => (imageOf(task) === "bad" ? "fails" : "runs") };

test("a failing update is paused, names the task, and leaves the rest alone", async () => {
  const { swarm, web } = await serviceWith({ parallelism: "2" }, bad);
  swarm.updateService(web, withImage("bad"));
  await swarm.advance(minutes(2));
  const status = swarm.service(web)?.updateStatus;
  expect(status?.state).toBe("PAUSED");
  const [, taskId] =
    /^update paused due to failure or early termination of task (\w+)$/.exec(status?.message ?? "") ?? [];
  expect(taskId).toBeDefined();
  expect(images(swarm, web)).toEqual(all("nginx:1").slice(2));
});

test("a failing update is rolled back to the previous spec, which is then given up", async () => {
  const { swarm, web } = await serviceWith({ parallelism: "2", failureAction: "ROLLBACK" }, bad);
  swarm.updateService(web, withImage("bad"));
  await swarm.advance(seconds(3));
  expect(swarm.service(web)?.updateStatus?.state).toBe("ROLLBACK_STARTED");
  expect(swarm.service(web)?.updateStatus?.message).toMatch(
    /^update rolled back due to failure or early termination of task /,
  );
  await swarm.advance(minutes(1));
  expect(swarm.service(web)?.updateStatus).toMatchObject({
    state: "ROLLBACK_COMPLETED",
    message: "rollback completed",
  });
  expect(swarm.service(web)?.previousSpec).toBeUndefined();
  expect(images(swarm, web)).toEqual(all("nginx:1"));
});

test("a rollback that fails too is paused", async () => {
  let isBroken = false;
  const agents: FakeAgentOptions = { fate: () => (isBroken ? "fails" : "runs") };
  const { swarm, web } = await serviceWith({ parallelism: "2", failureAction: "ROLLBACK" }, agents);
  isBroken = true;
  swarm.updateService(web, withImage("bad"));
  await swarm.advance(minutes(1));
  expect(swarm.service(web)?.updateStatus?.state).toBe("ROLLBACK_PAUSED");
});

test("failures within the bearable ratio do not stop an update", async () => {
  let failures = 0;
  const fate: FakeAgentOptions["fate"] = (task) => {
    if (imageOf(task) !== "nginx:2" || stateOf(task) !== "READY" || failures > 0) return "runs";
    failures += 1;
    return "fails";
  };
  const { swarm, web } = await serviceWith(
    { parallelism: "2", maxFailureRatio: 0.5 },
    { fate, startTime: milliseconds(0) },
  );
  swarm.updateService(web, withImage("nginx:2"));
  await swarm.advance(minutes(1));
  expect(failures).toBe(1);
  expect(swarm.service(web)?.updateStatus?.state).toBe("COMPLETED");
  expect(images(swarm, web)).toEqual(all("nginx:2"));
});

test("a task that dies within the monitored time counts, one that dies later does not", async () => {
  const dying = (after: Duration): FakeAgentOptions => ({
    fate: (task) => (imageOf(task) === "bad" ? { exits: "FAILED", after } : "runs"),
  });
  const monitor = { seconds: "10" };
  const early = await serviceWith({ parallelism: "6", monitor }, dying(seconds(8)));
  early.swarm.updateService(early.web, withImage("bad"));
  await early.swarm.advance(minutes(1));
  expect(early.swarm.service(early.web)?.updateStatus?.state).toBe("PAUSED");
  const late = await serviceWith({ parallelism: "6", monitor }, dying(seconds(12)));
  late.swarm.updateService(late.web, withImage("bad"));
  await late.swarm.advance(minutes(1));
  expect(late.swarm.service(late.web)?.updateStatus?.state).toBe("COMPLETED");
});

test("a start-first update that fails keeps the old tasks running", async () => {
  const { swarm, web } = await serviceWith({ parallelism: "2", order: "START_FIRST" }, bad);
  swarm.updateService(web, withImage("bad"));
  await swarm.advance(minutes(2));
  expect(swarm.service(web)?.updateStatus?.state).toBe("PAUSED");
  expect(images(swarm, web)).toEqual(all("nginx:1"));
});

test("a new update replaces one that is paused, updating what is down first", async () => {
  const { swarm, web } = await serviceWith({ parallelism: "2" }, bad);
  swarm.updateService(web, withImage("bad"));
  await swarm.advance(minutes(1));
  swarm.updateService(web, withImage("nginx:3"));
  let least = 6;
  await watch(swarm, seconds(30), () => {
    least = Math.min(least, swarm.running(web).length);
  });
  expect(least).toBe(4);
  expect(images(swarm, web)).toEqual(all("nginx:3"));
});

test("slots that are down are updated first, because that costs no capacity", async () => {
  const isDown = (task: Task): boolean => imageOf(task) === "nginx:1" && Number(task.slot) > 4;
  let isBroken = false;
  const fate: FakeAgentOptions["fate"] = (task) =>
    isBroken && isDown(task) ? { exits: "FAILED", after: seconds(0) } : "runs";
  const { swarm, web } = await serviceWith({ parallelism: "2" }, { fate, startTime: seconds(2) });
  isBroken = true;
  swarm.changeNode("node1", (node) => ({ ...node }));
  swarm.changeNode("node2", (node) => ({ ...node }));
  swarm.changeNode("node3", (node) => ({ ...node }));
  await swarm.advance(milliseconds(200));
  expect(swarm.running(web)).toHaveLength(4);
  swarm.updateService(web, withImage("nginx:2"));
  await swarm.advance(seconds(1));
  expect(swarm.running(web)).toHaveLength(4);
  await swarm.advance(minutes(1));
  expect(images(swarm, web)).toEqual(all("nginx:2"));
});

test("a new leader finishes the update without taking down more than the old one would have", async () => {
  const { swarm, web } = await serviceWith({ parallelism: "2" }, { startTime: seconds(3), stopTime: seconds(3) });
  swarm.updateService(web, withImage("nginx:2"));
  let least = 6;
  const look = (): void => {
    least = Math.min(least, swarm.running(web).length);
  };
  await watch(swarm, seconds(2), look);
  swarm.stopLeading();
  await watch(swarm, seconds(1), look);
  swarm.lead();
  await watch(swarm, seconds(60), look);
  expect(least).toBe(4);
  expect(images(swarm, web)).toEqual(all("nginx:2"));
  expect(swarm.service(web)?.updateStatus?.state).toBe("COMPLETED");
});

test("scaling during an update leaves the wanted number of updated tasks", async () => {
  const { swarm, web } = await serviceWith({ parallelism: "1" });
  swarm.updateService(web, withImage("nginx:2"));
  await swarm.advance(seconds(3));
  swarm.scale(web, 3);
  await swarm.advance(minutes(1));
  expect(images(swarm, web)).toEqual(["nginx:2", "nginx:2", "nginx:2"]);
  expect(swarm.tasks(web).filter(isWanted)).toHaveLength(3);
});

test("changed constraints move only the tasks whose nodes they exclude", async () => {
  const { swarm, web } = await serviceWith({ parallelism: "2" });
  const kept = swarm
    .running(web)
    .filter((task) => task.nodeId !== "node1")
    .map((task) => task.id);
  swarm.updateService(web, (spec) => ({
    ...spec,
    task: { ...spec.task, placement: { constraints: ["node.id!=node1"] } },
  }));
  await swarm.advance(minutes(1));
  expect(swarm.perNode(web)).toEqual({ node2: 3, node3: 3 });
  expect(swarm.running(web).map((task) => task.id)).toEqual(expect.arrayContaining(kept));
});
