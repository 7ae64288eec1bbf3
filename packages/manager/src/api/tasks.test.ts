import { services, tasks } from "@mswarm/store";
import type { Task } from "@mswarm/wire";
import { expect, test } from "vitest";
import { controlFixture, localCall } from "./testing/control-fixture.ts";

const task = (id: string, changes: Partial<Task>): Task => ({
  id,
  serviceAnnotations: { name: "web", labels: { tier: "front" } },
  spec: { container: { pullOptions: { registryAuth: "cred" } } },
  ...changes,
});

test("lists of tasks meet all filters and never show credentials", async () => {
  const { control, put } = controlFixture({ isTaskDirty: (_service, { id }) => id === "2" });
  await put(services, { id: "s", spec: { annotations: { name: "web" } } });
  await put(tasks, task("1", { serviceId: "s", slot: "1", nodeId: "n1", desiredState: "RUNNING" }));
  await put(tasks, task("2", { serviceId: "s", slot: "2", nodeId: "n2", desiredState: "SHUTDOWN" }));
  await put(tasks, task("3", { serviceId: "g", nodeId: "n1", desiredState: "RUNNING" }));
  const list = async (filters: object) => (await control.ListTasks({ filters }, localCall)).tasks ?? [];
  const ids = async (filters: object) => (await list(filters)).map(({ id }) => id);
  expect(await ids({})).toEqual(["1", "2", "3"]);
  expect(await ids({ serviceIds: ["s", "s"] })).toEqual(["1", "2"]);
  expect(await ids({ nodeIds: ["n1"] })).toEqual(["1", "3"]);
  expect(await ids({ serviceIds: ["s"], nodeIds: ["n1"] })).toEqual(["1"]);
  expect(await ids({ names: ["web.2.2", "web.n1.3"] })).toEqual(["2", "3"]);
  expect(await ids({ namePrefixes: ["web.n"] })).toEqual(["3"]);
  expect(await ids({ idPrefixes: ["2"] })).toEqual(["2"]);
  expect(await ids({ desiredStates: ["SHUTDOWN"] })).toEqual(["2"]);
  expect(await ids({ labels: { tier: "front" }, runtimes: ["container"] })).toHaveLength(3);
  expect(await ids({ upToDate: true })).toEqual(["1"]);
  expect(JSON.stringify(await list({}))).not.toContain("cred");
  expect(JSON.stringify(await control.GetTask({ taskId: "1" }, localCall))).not.toContain("cred");
});

test("a task is read and removed by its id", async () => {
  const { control, put } = controlFixture();
  await put(tasks, task("1", {}));
  await control.RemoveTask({ taskId: "1" }, localCall);
  for (const attempt of [control.GetTask, control.RemoveTask]) {
    await expect(attempt({ taskId: "1" }, localCall)).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: "task 1 not found",
    });
    await expect(attempt({}, localCall)).rejects.toThrow("invalid argument");
  }
});
