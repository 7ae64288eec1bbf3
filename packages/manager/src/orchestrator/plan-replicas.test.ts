import type { Task } from "@mswarm/wire";
import { expect, test } from "vitest";
import { planReplicas } from "./plan-replicas.ts";
import { at, maker, readyNode, serviceOf, type TaskFacts, taskOf } from "./testing/objects.ts";

const plan = (replicas: number, tasks: readonly Task[]): string[] =>
  planReplicas({ service: serviceOf(replicas), tasks, node: readyNode, changesMax: 100 }, at(0), maker()).map(
    (change) =>
      change.kind === "create-task"
        ? `create ${change.task.slot} ${change.task.desiredState}`
        : change.kind === "update-task"
          ? `${change.task.slot} ${change.task.desiredState}`
          : change.kind,
  );

const slotted = (slots: Record<number, TaskFacts>): Task[] =>
  Object.entries(slots).map(([slot, facts]) => taskOf(`t${slot}`, { ...facts, slot: Number(slot) }));

test("missing slots get the lowest free numbers", () => {
  expect(plan(4, slotted({ 2: {}, 5: {} }))).toEqual(["create 1 RUNNING", "create 3 RUNNING"]);
});

test("slots on crowded nodes go first", () => {
  const tasks = slotted({ 1: { nodeId: "a" }, 2: { nodeId: "a" }, 3: { nodeId: "a" }, 4: { nodeId: "b" } });
  expect(plan(2, tasks)).toEqual(["2 REMOVE", "3 REMOVE"]);
});

test("what does not run goes before what runs, what has no node before everything", () => {
  const tasks = slotted({
    1: { state: "STARTING", nodeId: "a" },
    2: { nodeId: "a" },
    3: { nodeId: "b" },
    4: { state: "PENDING" },
  });
  expect(plan(3, tasks)).toEqual(["4 REMOVE"]);
  expect(plan(2, tasks).sort()).toEqual(["1 REMOVE", "4 REMOVE"]);
});

test("a slot whose tasks all left their service is dead: its remains are removed, its number is free", () => {
  const tasks = slotted({ 1: { desired: "SHUTDOWN", state: "FAILED" }, 2: {} });
  expect(plan(2, tasks)).toEqual(["1 REMOVE", "create 1 RUNNING"]);
});

test("a number whose old task is still stopping is used by a task that waits", () => {
  expect(plan(1, slotted({ 1: { desired: "REMOVE" } }))).toEqual(["create 1 READY"]);
});

test("a slot that ended and must not restart counts as filled, unless it was scaled away", () => {
  const restart = { condition: "NONE" } as const;
  expect(plan(1, slotted({ 1: { state: "COMPLETE", desired: "SHUTDOWN", restart } }))).toEqual([]);
  expect(plan(1, slotted({ 1: { state: "COMPLETE", desired: "REMOVE", restart } }))).toEqual(["create 1 RUNNING"]);
});

test("to nothing and back", () => {
  expect(plan(0, slotted({ 1: {}, 2: {} }))).toEqual(["1 REMOVE", "2 REMOVE"]);
});
