import type { Task } from "@mswarm/wire";
import { expect, test } from "vitest";
import type { ObjectChange } from "../loops/object-change.ts";
import { specVersionOf } from "../objects/service-mode.ts";
import { planSlot, type SlotPlan } from "./plan-slot.ts";
import { at, maker, readyNode, serviceOf, taskOf } from "./testing/objects.ts";

const planAt = (seconds: number, tasks: readonly Task[], version = 0): SlotPlan =>
  planSlot(
    {
      service: serviceOf(1, undefined, "nginx:1", version),
      place: { slot: 1 },
      tasks,
      node: (id) =>
        id === "gone" ? undefined : readyNode(id, id === "drained" ? { spec: { availability: "DRAIN" } } : {}),
      isDirty: (task) => specVersionOf(task) !== String(version),
    },
    at(seconds),
    maker(),
  );

const short = ({ changes }: SlotPlan): string[] =>
  changes.map((change: ObjectChange) => {
    if (change.kind === "create-task") return `create ${change.task.desiredState}`;
    return change.kind === "update-task" ? `${change.task.id} ${change.task.desiredState}` : change.kind;
  });

test("a running task is left alone", () => {
  expect(planAt(100, [taskOf("a")])).toEqual({ changes: [], lookAgainAt: undefined });
});

test("a failed task is shut down and replaced by one that waits", () => {
  expect(short(planAt(1, [taskOf("a", { state: "FAILED" })]))).toEqual(["a SHUTDOWN", "create READY"]);
});

test("a task on a drained node is replaced by one that waits for it, one on a removed node by one that does not", () => {
  expect(short(planAt(1, [taskOf("a", { nodeId: "drained" })]))).toEqual(["a SHUTDOWN", "create READY"]);
  expect(short(planAt(1, [taskOf("a", { nodeId: "gone" })]))).toEqual(["a SHUTDOWN", "create RUNNING"]);
});

test("a waiting task is started when its time has come, not before", () => {
  const failed = taskOf("a", { state: "FAILED", desired: "SHUTDOWN", since: 10 });
  const waiting = taskOf("b", { state: "READY", desired: "READY", created: 10 });
  expect(planAt(14, [failed, waiting])).toEqual({ changes: [], lookAgainAt: at(15) });
  expect(short(planAt(15, [failed, waiting]))).toEqual(["b RUNNING"]);
});

test("a task that fails while it waits for its start is replaced only after that delay", () => {
  const failed = taskOf("a", { state: "FAILED", desired: "SHUTDOWN", since: 10 });
  const rejected = taskOf("b", { state: "REJECTED", desired: "READY", created: 10, since: 11 });
  expect(planAt(11, [failed, rejected])).toEqual({ changes: [], lookAgainAt: at(15) });
  expect(short(planAt(15, [failed, rejected]))).toEqual(["b SHUTDOWN", "create READY"]);
});

test("an old task that fails beside its successor is not replaced; a failed successor is", () => {
  const old = taskOf("old", { created: 0 });
  const next = taskOf("next", { state: "STARTING", created: 5, version: 2 });
  const fail = (task: Task): Task => ({ ...task, status: { ...task.status, state: "FAILED" } });
  expect(short(planAt(9, [fail(old), next], 2))).toEqual(["old SHUTDOWN"]);
  expect(short(planAt(9, [old, fail(next)], 2))).toEqual(["next SHUTDOWN", "create READY"]);
});

test("start-first: the old task is stopped as soon as its successor runs", () => {
  const old = taskOf("old", { created: 0 });
  const next = taskOf("next", { created: 5, version: 2 });
  expect(short(planAt(9, [old, next], 2))).toEqual(["old SHUTDOWN"]);
});

test("two tasks that fail at once get one replacement", () => {
  const tasks = [taskOf("a", { state: "FAILED" }), taskOf("b", { state: "FAILED", created: 1 })];
  expect(short(planAt(9, tasks)).filter((change) => change.startsWith("create"))).toHaveLength(1);
});
