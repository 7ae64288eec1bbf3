import { services, tasks } from "@mswarm/store";
import type { Task, TaskState } from "@mswarm/wire";
import { expect, test } from "vitest";
import { controlFixture, localCall } from "./testing/control-fixture.ts";

test("statuses count running and wanted tasks, and zeros for what does not exist", async () => {
  const { control, put } = controlFixture();
  await put(services, { id: "r", spec: { annotations: { name: "r" }, replicated: { replicas: "3" } } });
  await put(services, { id: "g", spec: { annotations: { name: "g" }, global: {} } });
  await put(tasks, { id: "1", serviceId: "r", status: { state: "RUNNING" }, desiredState: "RUNNING" });
  await put(tasks, { id: "2", serviceId: "r", status: { state: "FAILED" }, desiredState: "SHUTDOWN" });
  await put(tasks, { id: "3", serviceId: "g", status: { state: "STARTING" }, desiredState: "RUNNING" });
  await put(tasks, { id: "4", serviceId: "g", status: { state: "SHUTDOWN" }, desiredState: "SHUTDOWN" });
  const { statuses } = await control.ListServiceStatuses({ services: ["r", "g", "x"] }, localCall);
  expect(statuses).toEqual([
    { serviceId: "r", desiredTasks: "3", runningTasks: "1", completedTasks: "0" },
    { serviceId: "g", desiredTasks: "1", runningTasks: "0", completedTasks: "0" },
    { serviceId: "x", desiredTasks: "0", runningTasks: "0", completedTasks: "0" },
  ]);
});

test("the status of a job counts the tasks of its present iteration only, the first one included", async () => {
  const { control, put } = controlFixture();
  const job = { annotations: { name: "j" }, replicatedJob: { maxConcurrent: "2", totalCompletions: "5" } };
  await put(services, { id: "j", spec: job, jobStatus: { jobIteration: {} } });
  await put(services, {
    id: "k",
    spec: { annotations: { name: "k" }, globalJob: {} },
    jobStatus: { jobIteration: { index: "3" } },
  });
  const task = (id: string, serviceId: string, state: TaskState, index?: string): Promise<Task> =>
    put(tasks, {
      id,
      serviceId,
      status: { state },
      desiredState: "COMPLETE",
      jobIteration: index === undefined ? {} : { index },
    });
  await task("1", "j", "COMPLETE");
  await task("2", "j", "RUNNING");
  await task("3", "k", "COMPLETE", "2");
  await task("4", "k", "COMPLETE", "3");
  await task("5", "k", "RUNNING", "3");
  const { statuses } = await control.ListServiceStatuses({ services: ["j", "k"] }, localCall);
  expect(statuses).toEqual([
    { serviceId: "j", desiredTasks: "2", runningTasks: "1", completedTasks: "1" },
    { serviceId: "k", desiredTasks: "1", runningTasks: "1", completedTasks: "1" },
  ]);
});
