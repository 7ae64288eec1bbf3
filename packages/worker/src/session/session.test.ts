import { aborted, permissionDenied } from "@mswarm/runtime";
import { expect, test } from "vitest";
import { assignedTask, nodeId, WorkerScene } from "../testing/worker-scene.ts";

test("a task that is missing in a complete set goes, with its container", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  scene.manager.dropSession();
  scene.manager.takeBack({ task: { id: "t1" } });
  await scene.pass(1_000);
  expect(scene.engine.containers).toEqual([]);
});

test("a lost assignment message makes the worker ask for the complete set, in the same session", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.sendGap();
  await scene.pass();
  expect(scene.manager.completeSets).toBe(2);
  expect(scene.manager.offeredSessions).toEqual([""]);
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  expect(scene.manager.lastStatus("t1")?.state).toBe("RUNNING");
});

test("a lost session is replaced within 100 ms, offers its id again and reports every task", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  scene.manager.statuses.clear();
  scene.manager.dropSession(aborted("node must disconnect"));
  await scene.pass(100);
  expect(scene.manager.offeredSessions).toEqual(["", "session1"]);
  expect(scene.manager.outcomes).toEqual(["bad"]);
  expect(scene.manager.statesOf("t1")).toEqual(["RUNNING"]);
  expect(scene.failures).toHaveLength(1);
});

test("a manager that refuses a heartbeat loses the session", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.heartbeatRefusal = aborted("dispatcher is stopped");
  await scene.pass(5_000);
  expect(scene.manager.outcomes.length).toBeGreaterThan(0);
  scene.manager.heartbeatRefusal = undefined;
  await scene.pass(10_000);
  expect(scene.manager.hasSession).toBe(true);
  expect(scene.manager.heartbeats).toBeGreaterThan(1);
});

test("a manager that does not register the node in 5 s is left", async () => {
  const scene = new WorkerScene();
  scene.manager.isSilent = true;
  const { worker } = await scene.start();
  await scene.pass(4_900);
  expect(scene.manager.outcomes).toEqual([]);
  await scene.pass(200);
  expect(scene.manager.outcomes).toEqual(["bad"]);
  expect(worker.hasSession).toBe(false);
  expect(String(scene.failures[0])).toContain("session initiation timed out");
});

test("one task whose status is refused does not keep the others from being reported", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.assign({ task: assignedTask("t1") }, { task: assignedTask("t2", {}, { slot: "2" }) });
  await scene.pass();
  scene.manager.statuses.clear();
  scene.manager.statusRefusal = permissionDenied("cannot update a task not assigned this node");
  scene.manager.dropSession();
  await scene.pass(200);
  expect([scene.manager.lastStatus("t1")?.state, scene.manager.lastStatus("t2")?.state]).toEqual([
    "RUNNING",
    "RUNNING",
  ]);
});

test("a changed description opens a new session without blaming the manager", async () => {
  let hostname = "one";
  const scene = new WorkerScene({}, { overrides: () => ({ hostname }) });
  const { worker } = await scene.start();
  await scene.pass(60_000);
  expect(scene.manager.descriptions.map((description) => description.hostname)).toEqual(["one"]);
  hostname = "two";
  await scene.pass(20_000);
  expect(scene.manager.descriptions.map((description) => description.hostname)).toEqual(["one", "two"]);
  hostname = "three";
  worker.refreshDescription();
  await scene.pass();
  expect(scene.manager.descriptions.at(-1)?.hostname).toBe("three");
  expect(scene.manager.outcomes).toEqual(["good", "good"]);
  expect(scene.failures).toEqual([]);
});

test("messages of the session reach the daemon", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.tell({ RootCA: Buffer.from("root") });
  await scene.pass();
  expect(scene.messages.map(({ RootCA }) => RootCA?.toString())).toEqual([undefined, "root"]);
});

test("a removed node says so, stops its tasks and does not hammer the managers", async () => {
  const scene = new WorkerScene();
  const { worker } = await scene.start();
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  expect(worker.wasRemoved).toBe(false);
  const text = `Permission denied: unauthorized peer role: rpc error: code = PermissionDenied desc = Permission denied: node ${nodeId} was removed from swarm`;
  scene.manager.unreachable = permissionDenied(text);
  scene.manager.dropSession();
  await scene.pass(1_000);
  expect(worker.wasRemoved).toBe(true);
  expect(scene.engine.containers).toEqual([]);
  expect(await scene.journal.load()).toEqual([]);
  const before = scene.failures.length;
  await scene.pass(10 * 60_000);
  expect(scene.failures.length - before).toBe(10);
});

test("the removal of another node is not this node's", async () => {
  const scene = new WorkerScene();
  const { worker } = await scene.start();
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  scene.manager.unreachable = permissionDenied("Permission denied: node somebody was removed from swarm");
  scene.manager.dropSession();
  await scene.pass(1_000);
  expect(worker.wasRemoved).toBe(false);
  expect(scene.containerOf("t1").isRunning).toBe(true);
});

test("a status that is refused because the node was removed ends the session", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.statusRefusal = permissionDenied(`Permission denied: node ${nodeId} was removed from swarm`);
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  expect(scene.manager.outcomes).toEqual(["bad"]);
});
