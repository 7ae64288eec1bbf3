import type { TaskState } from "@mswarm/wire";
import { expect, test } from "vitest";
import { isTerminal, nextMove, rankOf, taskSteps } from "./task-steps.ts";

const states = Object.keys(taskSteps) as TaskState[];

test("no arrow of the table points upwards, and every state that is not an end has a way out", () => {
  for (const state of states) {
    const step = taskSteps[state];
    if (step.kind === "end") continue;
    expect(rankOf(step.next)).toBeGreaterThan(rankOf(state));
    expect(rankOf(step.onFailure)).toBeGreaterThan(rankOf(state));
    expect(nextMove(state, "COMPLETE").kind).not.toBe("stay");
  }
});

test("a failure rejects before STARTING and fails from STARTING on", () => {
  for (const state of states) {
    const step = taskSteps[state];
    if (step.kind === "step") {
      expect(step.onFailure).toBe(rankOf(state) < rankOf("STARTING") ? "REJECTED" : "FAILED");
    }
  }
});

test("a task whose replacement waits is prepared, but not started", () => {
  expect(nextMove("ASSIGNED", "READY")).toMatchObject({ kind: "become", next: "ACCEPTED" });
  expect(nextMove("PREPARING", "READY")).toMatchObject({ kind: "act", action: "prepare" });
  expect(nextMove("READY", "READY")).toEqual({ kind: "stay" });
  expect(nextMove("READY", "RUNNING")).toMatchObject({ kind: "become", next: "STARTING" });
});

test("a job runs to its end: COMPLETE as desired state starts it", () => {
  expect(nextMove("READY", "COMPLETE")).toMatchObject({ next: "STARTING" });
  expect(nextMove("RUNNING", "COMPLETE")).toMatchObject({ action: "wait" });
});

test("every state that is not an end is shut down on demand, and an end is never left", () => {
  for (const state of states) {
    for (const desired of ["SHUTDOWN", "REMOVE"] as const) {
      expect(nextMove(state, desired)).toEqual({ kind: isTerminal(state) ? "stay" : "shut-down" });
    }
  }
});
