import { expect, test } from "vitest";
import { assignedTask, WorkerScene } from "./testing/worker-scene.ts";

const withSecret = {
  secrets: [{ secretId: "s1", secretName: "password", file: { name: "password", uid: "7", gid: "8", mode: 0o440 } }],
  pullOptions: { registryAuth: "cmVnaXN0cnktY3JlZGVudGlhbA" },
};
const secret = { id: "s1", spec: { annotations: { name: "password" }, data: Buffer.from("hunter2-secret") } };

test("a node that leaves announces it, and takes its containers, secrets and journal with it", async () => {
  const scene = new WorkerScene();
  const { worker } = await scene.start();
  scene.manager.assign({ secret }, { task: assignedTask("t1", withSecret) });
  await scene.pass();
  const leaving = worker.leave(new AbortController().signal);
  await scene.pass();
  await leaving;
  expect(scene.manager.announcedLeaves).toEqual(["session1"]);
  expect(scene.engine.containers).toEqual([]);
  expect([scene.secretMount.files.size, scene.journal.bytes.size]).toEqual([0, 0]);
  expect(worker.hasSession).toBe(false);
});

test("the daemon's labels are on every container, and host ports bind the node's own address", async () => {
  const scene = new WorkerScene({}, { extraLabels: { "mswarm.lab": "l1" }, hostPortAddress: "127.0.0.3" });
  await scene.start();
  const endpoint = {
    ports: [
      { protocol: "TCP" as const, targetPort: 80, publishedPort: 8080, publishMode: "HOST" as const },
      { protocol: "TCP" as const, targetPort: 81, publishedPort: 8081, publishMode: "INGRESS" as const },
    ],
  };
  scene.manager.assign({ task: assignedTask("t1", {}, { endpoint }) });
  await scene.pass();
  const { spec } = scene.containerOf("t1");
  expect(spec.labels["mswarm.lab"]).toBe("l1");
  expect(spec.ports).toEqual([{ protocol: "tcp", containerPort: 80, hostPort: 8080, hostAddress: "127.0.0.3" }]);
  expect(scene.manager.lastStatus("t1")?.portStatus).toEqual({
    ports: [{ protocol: "TCP", targetPort: 80, publishedPort: 8080, publishMode: "HOST" }],
  });
});
