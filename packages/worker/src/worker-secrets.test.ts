import { expect, test } from "vitest";
import { assignedTask, WorkerScene } from "./testing/worker-scene.ts";

const withSecret = {
  secrets: [{ secretId: "s1", secretName: "password", file: { name: "password", uid: "7", gid: "8", mode: 0o440 } }],
  pullOptions: { registryAuth: "cmVnaXN0cnktY3JlZGVudGlhbA" },
};
const secret = { id: "s1", spec: { annotations: { name: "password" }, data: Buffer.from("hunter2-secret") } };

test("secrets reach the container as files, never the journal, and are wiped with the task", async () => {
  const scene = new WorkerScene();
  await scene.start();
  // A task may come before its secrets within one message.
  scene.manager.assign({ task: assignedTask("t1", withSecret) }, { secret });
  await scene.pass();
  expect(scene.manager.lastStatus("t1")?.state).toBe("RUNNING");
  expect(scene.secretMount.files.get("t1")).toEqual([
    { target: "/run/secrets/password", data: secret.spec.data, uid: 7, gid: 8, mode: 0o440 },
  ]);
  expect(scene.containerOf("t1").spec.mounts).toEqual([
    { type: "bind", source: "/memory/t1/0", target: "/run/secrets/password", readOnly: true },
  ]);
  const journal = Buffer.concat([...scene.journal.bytes.values()]).toString("latin1");
  expect(journal).toContain("t1");
  expect(journal).not.toContain("hunter2-secret");
  expect(journal).not.toContain(withSecret.pullOptions.registryAuth);
  scene.engine.exit(scene.containerOf("t1"), 0);
  await scene.pass();
  expect(scene.secretMount.files.size).toBe(0);
});

test("a secret that this node was not given rejects the task", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.assign({ task: assignedTask("t1", withSecret) });
  await scene.pass();
  expect(scene.manager.lastStatus("t1")).toMatchObject({
    state: "REJECTED",
    err: 'secret "password": secret s1 not found on this node',
  });
});

test("without memory for secrets only tasks that need some are rejected", async () => {
  const scene = new WorkerScene();
  scene.secretMount.isUnavailable = true;
  await scene.start();
  scene.manager.assign(
    { secret },
    { task: assignedTask("t1", withSecret) },
    { task: assignedTask("t2", {}, { slot: "2" }) },
  );
  await scene.pass();
  expect(scene.manager.lastStatus("t1")).toMatchObject({
    state: "REJECTED",
    err: expect.stringMatching(/cannot be kept in memory/),
  });
  expect(scene.manager.lastStatus("t2")?.state).toBe("RUNNING");
});

test("an engine that does not see the daemon's memory rejects the task with that sentence", async () => {
  const scene = new WorkerScene({ seesPath: (path) => !path.startsWith("/memory") });
  await scene.start();
  scene.manager.assign({ secret }, { task: assignedTask("t1", withSecret) });
  await scene.pass();
  expect(scene.manager.lastStatus("t1")).toMatchObject({
    state: "REJECTED",
    err: expect.stringMatching(/the engine does not see the daemon's folder for secrets/),
  });
  expect(scene.secretMount.files.size).toBe(0);
});
