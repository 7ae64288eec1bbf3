import { plainContainer } from "@mswarm/engine/contract";
import { unavailable } from "@mswarm/runtime";
import { expect, test } from "vitest";
import { assignedTask, image, nodeId, WorkerScene } from "./testing/worker-scene.ts";

const withSecret = {
  secrets: [{ secretId: "s1", secretName: "password", file: { name: "password", uid: "7", gid: "8", mode: 0o440 } }],
  pullOptions: { registryAuth: "cmVnaXN0cnktY3JlZGVudGlhbA" },
};
const secret = { id: "s1", spec: { annotations: { name: "password" }, data: Buffer.from("hunter2-secret") } };

test("a stopped daemon leaves its containers, and the next one goes on with them", async () => {
  const scene = new WorkerScene();
  const first = await scene.start();
  scene.manager.assign({ secret }, { task: assignedTask("t1", withSecret) });
  await scene.pass();
  const container = scene.containerOf("t1");
  await first.stop();
  expect(container.isRunning).toBe(true);
  scene.manager.unreachable = unavailable("no manager answers");
  await scene.start();
  // It ends while no manager can be told: the next session hears of it.
  scene.engine.exit(container, 2);
  await scene.pass(1_000);
  expect(scene.manager.lastStatus("t1")?.state).toBe("RUNNING");
  scene.manager.unreachable = undefined;
  await scene.pass(9_000);
  expect(scene.containerOf("t1")).toBe(container);
  expect(scene.manager.lastStatus("t1")).toMatchObject({ state: "FAILED", err: "task: non-zero exit (2)" });
});

test("after a crash and with the journal lost, a running container is found by its labels", async () => {
  const scene = new WorkerScene();
  const first = await scene.start();
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  const container = scene.containerOf("t1");
  await first.stop();
  scene.journal.bytes.clear();
  await scene.start();
  await scene.pass();
  expect(scene.containerOf("t1")).toBe(container);
  expect(scene.manager.lastStatus("t1")?.state).toBe("RUNNING");
});

test("a crash between making and starting a container: it is started once, not made twice", async () => {
  const scene = new WorkerScene();
  const first = await scene.start();
  const release = scene.engine.faults.hang("startContainer");
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  const container = scene.containerOf("t1");
  await first.stop();
  release();
  await scene.start();
  await scene.pass();
  expect(scene.containerOf("t1")).toBe(container);
  expect(container.isRunning).toBe(true);
  expect(scene.manager.lastStatus("t1")?.state).toBe("RUNNING");
});

test("a process that ended while the daemon was down is not started again", async () => {
  const scene = new WorkerScene();
  const first = await scene.start();
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  await first.stop();
  scene.engine.exit(scene.containerOf("t1"), 0);
  scene.journal.bytes.clear();
  await scene.start();
  await scene.pass();
  expect(scene.containerOf("t1").status).toBe("exited");
  expect(scene.manager.lastStatus("t1")?.state).toBe("COMPLETE");
});

test("a prepared container whose secrets vanished with the machine is made anew before it starts", async () => {
  const scene = new WorkerScene();
  const first = await scene.start();
  const task = assignedTask("t1", withSecret, { desiredState: "READY" });
  scene.manager.assign({ secret }, { task });
  await scene.pass();
  const prepared = scene.containerOf("t1");
  await first.stop();
  scene.secretMount.files.clear();
  await scene.start();
  scene.manager.assign({ task: { ...task, desiredState: "RUNNING" } });
  await scene.pass();
  expect(scene.containerOf("t1")).not.toBe(prepared);
  expect(scene.secretMount.files.get("t1")?.[0]?.data).toEqual(secret.spec.data);
  expect(scene.manager.lastStatus("t1")?.state).toBe("RUNNING");
});

test("a restarted daemon waits for secrets and credentials instead of rejecting what it was preparing", async () => {
  const scene = new WorkerScene({ registry: ["private:1"], registryCredentials: "auth" });
  const first = await scene.start();
  const release = scene.engine.faults.hang("pullImage");
  scene.manager.assign({ task: assignedTask("t1", { image: "private:1", pullOptions: { registryAuth: "auth" } }) });
  await scene.pass();
  await first.stop();
  release();
  scene.manager.unreachable = unavailable("no manager answers");
  await scene.start();
  await scene.pass(5_000);
  expect(scene.engine.images.has("private:1")).toBe(false);
  scene.manager.unreachable = undefined;
  await scene.pass(9_000);
  expect(scene.manager.lastStatus("t1")?.state).toBe("RUNNING");
});

test("containers of tasks that nobody knows are removed, those of other nodes and of users are not", async () => {
  const scene = new WorkerScene();
  const container = (name: string, labels: Record<string, string>) => ({ ...plainContainer(name, image), labels });
  const of = (node: string, task: string) => ({
    "com.docker.swarm.node.id": node,
    "com.docker.swarm.task.id": task,
  });
  for (const spec of [
    container("orphan", of(nodeId, "gone")),
    container("other-node", of("node2", "gone")),
    container("user", {}),
    container("labelled-by-user", { "com.docker.swarm.node.id": nodeId }),
  ]) {
    const made = await scene.engine.createContainer(spec);
    if (made.kind === "created") await scene.engine.startContainer(made.id);
  }
  scene.engine.faults.failNext("listContainers", unavailable("busy"));
  await scene.start();
  await scene.pass(2_000);
  expect(scene.engine.containers.map(({ spec }) => spec.name)).toEqual(["other-node", "user", "labelled-by-user"]);
});

test("nothing is removed before a manager has named the complete set", async () => {
  const scene = new WorkerScene();
  const first = await scene.start();
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  await first.stop();
  scene.journal.bytes.clear();
  scene.manager.isSilent = true;
  await scene.start();
  await scene.pass(60_000);
  expect(scene.containerOf("t1").isRunning).toBe(true);
});
