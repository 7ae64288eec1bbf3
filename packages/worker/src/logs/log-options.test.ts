import { expect, test } from "vitest";
import { assignedTask } from "../testing/worker-scene.ts";
import { engineLogOptions, isSelected } from "./log-options.ts";

test("the tail counts oddly on the wire: 0 is all, -1 none, -n the last n - 1 lines", () => {
  expect(engineLogOptions({})?.tail).toBeUndefined();
  expect(engineLogOptions({ tail: "-1" })).toBeUndefined();
  expect(engineLogOptions({ tail: "-6" })?.tail).toBe(5);
  expect(engineLogOptions({ tail: "-1", follow: true })).toMatchObject({ tail: 0, follow: true });
  expect(() => engineLogOptions({ tail: "3" })).toThrow("tail relative to start of logs not supported");
});

test("no streams are both streams", () => {
  expect(engineLogOptions(undefined)).toEqual({ stdout: true, stderr: true, follow: false });
  expect(engineLogOptions({ streams: ["LOG_STREAM_STDERR"] })).toMatchObject({ stdout: false, stderr: true });
});

test("a task is selected by its id, its service or its node, and by nothing else", () => {
  const task = assignedTask("t1");
  expect(isSelected(task, "node1", { taskIds: ["t1"] })).toBe(true);
  expect(isSelected(task, "node1", { serviceIds: ["x", "service1"] })).toBe(true);
  expect(isSelected(task, "node1", { nodeIds: ["node1"] })).toBe(true);
  expect(isSelected(task, "node1", { taskIds: ["t2"], serviceIds: ["t1"] })).toBe(false);
  expect(isSelected(task, "node1", undefined)).toBe(false);
});
