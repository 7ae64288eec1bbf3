import { expect, test } from "vitest";
import { assignedTask, nodeId, WorkerScene } from "../testing/worker-scene.ts";

test("a subscription gets the logs of the tasks it selects, and is closed", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.assign(
    { task: assignedTask("t1", { command: ["sh", "-c", "echo one; echo bad >&2"] }) },
    { task: assignedTask("t2", { command: ["sh", "-c", "echo other"] }, { slot: "2", serviceId: "service2" }) },
  );
  await scene.pass();
  scene.manager.subscribe({ id: "sub1", selector: { serviceIds: ["service1"] }, options: {} });
  await scene.pass();
  const lines = scene.manager.published.get("sub1") ?? [];
  expect(lines.map(({ stream, data, context }) => [stream, data?.toString(), context])).toEqual([
    ["LOG_STREAM_STDOUT", "one\n", { serviceId: "service1", nodeId, taskId: "t1" }],
    ["LOG_STREAM_STDERR", "bad\n", { serviceId: "service1", nodeId, taskId: "t1" }],
  ]);
  expect(scene.manager.closedSubscriptions.has("sub1")).toBe(true);
});

test("a followed subscription sees new lines and new tasks until it is closed", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  scene.manager.subscribe({ id: "sub1", selector: { serviceIds: ["service1"] }, options: { follow: true } });
  await scene.pass();
  scene.engine.write(scene.containerOf("t1"), "stdout", "late");
  scene.manager.assign({ task: assignedTask("t2", {}, { slot: "2" }) });
  await scene.pass(2_000);
  scene.engine.write(scene.containerOf("t2"), "stdout", "new");
  await scene.pass();
  const text = () => scene.manager.published.get("sub1")?.map(({ data }) => data?.toString());
  expect(text()).toEqual(["late\n", "new\n"]);
  expect(scene.manager.closedSubscriptions.size).toBe(0);
  scene.manager.subscribe({ id: "sub1", close: true });
  await scene.pass();
  expect(scene.manager.closedSubscriptions.has("sub1")).toBe(true);
});

test("a replacement that waits in READY is followed once it has started, because an engine ends the logs of one that has not", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.assign({ task: assignedTask("t1", {}, { desiredState: "READY" }) });
  await scene.pass();
  scene.manager.subscribe({ id: "sub1", selector: { serviceIds: ["service1"] }, options: { follow: true } });
  await scene.pass(2_000);
  expect(scene.containerOf("t1").logReaders).toBe(0);
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass(2_000);
  expect(scene.containerOf("t1").logReaders).toBe(1);
});
