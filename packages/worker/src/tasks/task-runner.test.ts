import { internal } from "@mswarm/runtime";
import { expect, test } from "vitest";
import { assignedTask, WorkerScene } from "../testing/worker-scene.ts";

const wholeLife = ["ACCEPTED", "PREPARING", "READY", "STARTING", "RUNNING"];

test("a task lives from ASSIGNED to RUNNING and ends COMPLETE when its process ends well", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  expect(scene.manager.lastStatus("t1")).toMatchObject({ state: "RUNNING", message: "started" });
  const container = scene.containerOf("t1");
  expect(scene.manager.lastStatus("t1")?.container).toMatchObject({ containerId: container.id, pid: container.pid });
  scene.engine.exit(container, 0);
  await scene.pass();
  expect(scene.manager.lastStatus("t1")).toMatchObject({ state: "COMPLETE", message: "finished" });
  expect(scene.engine.containers).toHaveLength(1);
});

test("states are reported in order, none twice, and the newest always gets through", async () => {
  const scene = new WorkerScene();
  await scene.start();
  const release = scene.engine.faults.hang("createContainer");
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  release();
  await scene.pass();
  const states = scene.manager.statesOf("t1");
  expect(states.at(-1)).toBe("RUNNING");
  expect(states).toEqual(wholeLife.filter((state) => states.includes(state)));
});

test("a process that ends badly fails the task in Docker's words, with its exit code", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  scene.engine.exit(scene.containerOf("t1"), 1);
  await scene.pass();
  expect(scene.manager.lastStatus("t1")).toMatchObject({
    state: "FAILED",
    message: "started",
    err: "task: non-zero exit (1)",
    container: { exitCode: 1 },
  });
});

test("an image that neither the engine nor a registry has rejects the task and says both", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.assign({ task: assignedTask("t1", { image: "nothing:1" }) });
  await scene.pass();
  const status = scene.manager.lastStatus("t1");
  expect(status?.state).toBe("REJECTED");
  expect(status?.err).toMatch(/^No such image: nothing:1 .*pull access denied/);
});

test("an image that is there needs no registry", async () => {
  const scene = new WorkerScene();
  scene.engine.faults.failNext("pullImage", internal("no registry may be asked for this one"));
  await scene.start();
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  expect(scene.manager.lastStatus("t1")?.state).toBe("RUNNING");
});

test("an image that is missing is pulled with the task's credentials", async () => {
  const scene = new WorkerScene({ registry: ["private:1"], registryCredentials: "auth" });
  await scene.start();
  scene.manager.assign({ task: assignedTask("t1", { image: "private:1" }) });
  await scene.pass();
  expect(scene.manager.lastStatus("t1")?.state).toBe("REJECTED");
  const pullOptions = { registryAuth: "auth" };
  scene.manager.assign({ task: assignedTask("t2", { image: "private:1", pullOptions }, { slot: "2" }) });
  await scene.pass();
  expect(scene.manager.lastStatus("t2")?.state).toBe("RUNNING");
});

test("a pull that fails does not matter when the image has come by another way", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.engine.faults.failNext("pullImage", internal("toomanyrequests"));
  const release = scene.engine.faults.hang("pullImage");
  scene.manager.assign({ task: assignedTask("t1", { image: "loaded:1" }) });
  await scene.pass();
  scene.engine.images.add("loaded:1");
  release();
  await scene.pass();
  expect(scene.manager.lastStatus("t1")?.state).toBe("RUNNING");
});

test("failures before STARTING reject, from STARTING on they fail", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.engine.faults.failNext("createContainer", internal("no space left on device"));
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  expect(scene.manager.lastStatus("t1")).toMatchObject({ state: "REJECTED", err: "no space left on device" });
  scene.manager.assign({ task: assignedTask("t2", { command: ["/no-such-program"] }, { slot: "2" }) });
  await scene.pass();
  expect(scene.manager.lastStatus("t2")).toMatchObject({ state: "FAILED", container: { exitCode: 127 } });
  expect(scene.manager.lastStatus("t2")?.err).toMatch(/^starting container failed: OCI runtime create failed/);
});

test("an engine that does not answer delays a task, says why, and loses nothing", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.engine.goDown();
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass(3_000);
  expect(scene.manager.lastStatus("t1")).toMatchObject({
    state: "PREPARING",
    err: expect.stringMatching(/does not answer/),
  });
  scene.engine.comeBack();
  await scene.pass(2_000);
  expect(scene.manager.lastStatus("t1")?.state).toBe("RUNNING");
  expect(scene.manager.lastStatus("t1")?.err).toBeUndefined();
  scene.engine.goDown();
  await scene.pass(3_000);
  scene.engine.comeBack();
  scene.engine.exit(scene.containerOf("t1"), 4);
  await scene.pass(2_000);
  expect(scene.manager.lastStatus("t1")).toMatchObject({ state: "FAILED", err: "task: non-zero exit (4)" });
});

test("a task with a health check is RUNNING only once healthy", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.assign({ task: assignedTask("t1", { healthcheck: { test: ["CMD", "check"] } }) });
  await scene.pass(1_000);
  expect(scene.manager.lastStatus("t1")?.state).toBe("STARTING");
  scene.engine.setHealth(scene.containerOf("t1"), "healthy");
  await scene.pass();
  expect(scene.manager.lastStatus("t1")?.state).toBe("RUNNING");
});

test("a task says which container it has from STARTING on, not before", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.assign({ task: assignedTask("t1", {}, { desiredState: "READY" }) });
  await scene.pass();
  expect(scene.manager.lastStatus("t1")?.container).toBeUndefined();
  const release = scene.engine.faults.hang("startContainer");
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  const { state, container } = scene.manager.lastStatus("t1") ?? {};
  expect({ state, container }).toEqual({ state: "STARTING", container: { containerId: scene.containerOf("t1").id } });
  release();
});

test("an unhealthy container is stopped and its task fails, before and after RUNNING", async () => {
  const scene = new WorkerScene();
  await scene.start();
  const err = "task: non-zero exit (137): dockerexec: unhealthy container";
  const healthcheck = { test: ["CMD", "check"] };
  scene.manager.assign({ task: assignedTask("t1", { healthcheck }) });
  await scene.pass();
  scene.engine.setHealth(scene.containerOf("t1"), "unhealthy");
  await scene.pass();
  expect(scene.manager.lastStatus("t1")).toMatchObject({ state: "FAILED", err });
  scene.manager.assign({ task: assignedTask("t2", { healthcheck }, { slot: "2" }) });
  await scene.pass();
  scene.engine.setHealth(scene.containerOf("t2"), "healthy");
  await scene.pass();
  // Events may be lost; the state of the container is not.
  scene.engine.losesEvents = true;
  scene.engine.setHealth(scene.containerOf("t2"), "unhealthy");
  await scene.pass(6_000);
  expect(scene.manager.lastStatus("t2")).toMatchObject({ state: "FAILED", err });
});

test("a container that is removed behind our back fails its task", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  await scene.engine.removeContainer(scene.containerOf("t1").id, { force: true });
  await scene.pass();
  expect(scene.manager.lastStatus("t1")).toMatchObject({ state: "FAILED", err: "dockerexec: container destroyed" });
});

test("a replacement waits in READY until it is wanted", async () => {
  const scene = new WorkerScene();
  await scene.start();
  const task = assignedTask("t1", {}, { desiredState: "READY" });
  scene.manager.assign({ task });
  await scene.pass(60_000);
  expect(scene.manager.lastStatus("t1")?.state).toBe("READY");
  expect(scene.containerOf("t1").hasStarted).toBe(false);
  scene.manager.assign({ task: { ...task, desiredState: "RUNNING" } });
  await scene.pass();
  expect(scene.manager.lastStatus("t1")?.state).toBe("RUNNING");
});

test("a desired state never goes back", async () => {
  const scene = new WorkerScene();
  await scene.start();
  const task = assignedTask("t1", {}, { desiredState: "SHUTDOWN" });
  scene.manager.assign({ task: { ...task, desiredState: "RUNNING" } });
  await scene.pass();
  scene.manager.assign({ task });
  scene.manager.assign({ task: { ...task, desiredState: "RUNNING" } });
  await scene.pass();
  expect(scene.manager.lastStatus("t1")).toMatchObject({ state: "SHUTDOWN", message: "shutdown" });
});

test("a shutdown stops the container and keeps it for its logs until the task is taken back", async () => {
  const scene = new WorkerScene();
  await scene.start();
  const task = assignedTask("t1");
  scene.manager.assign({ task });
  await scene.pass();
  scene.manager.assign({ task: { ...task, desiredState: "SHUTDOWN" } });
  await scene.pass();
  expect(scene.manager.lastStatus("t1")).toMatchObject({ state: "SHUTDOWN", container: { exitCode: 137 } });
  expect(scene.containerOf("t1").status).toBe("exited");
  scene.manager.takeBack({ task: { id: "t1" } });
  await scene.pass();
  expect(scene.engine.containers).toEqual([]);
  expect(scene.journal.bytes.size).toBe(0);
});

test("a shutdown interrupts a pull that hangs", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.engine.faults.hang("pullImage");
  const task = assignedTask("t1", { image: "huge:1" });
  scene.manager.assign({ task });
  await scene.pass(60_000);
  expect(scene.manager.lastStatus("t1")?.state).toBe("PREPARING");
  scene.manager.assign({ task: { ...task, desiredState: "REMOVE" } });
  await scene.pass();
  expect(scene.manager.lastStatus("t1")?.state).toBe("SHUTDOWN");
});

test("a task that is taken back while it starts leaves no container", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.engine.faults.hang("startContainer");
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  expect(scene.engine.containers).toHaveLength(1);
  scene.manager.takeBack({ task: { id: "t1" } });
  await scene.pass();
  expect(scene.engine.containers).toEqual([]);
});
