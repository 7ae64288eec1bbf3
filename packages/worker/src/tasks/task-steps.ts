// The life of a task on a worker, as data. A task only ever moves down this table.
import { type TaskState, taskStateNumbers } from "@mswarm/wire";

/** What is done with the container in a state. */
export type TaskAction = "prepare" | "start" | "wait";

export type TaskStep =
  | {
      readonly kind: "step";
      /** Absent: nothing has to be done to go on. */
      readonly action?: TaskAction;
      readonly next: TaskState;
      /** Message of the status in the next state. */
      readonly message: string;
      /** True: stay here until the desired state is further on than this one. */
      readonly waitsForDesired: boolean;
      /** The state after a failure here. */
      readonly onFailure: "REJECTED" | "FAILED";
    }
  | { readonly kind: "end" };

const accepting = { next: "ACCEPTED", message: "accepted", waitsForDesired: true, onFailure: "REJECTED" } as const;

/**
 * Before STARTING a failure rejects the task, from STARTING on it fails it. A worker never goes beyond SHUTDOWN by
 * itself: REMOVE is a desired state, and ORPHANED is the manager's word.
 * Source: swarmkit agent/exec/controller.go, Do; wire reference 6.7 and 7.1.
 */
export const taskSteps: Readonly<Record<TaskState, TaskStep>> = {
  NEW: { kind: "step", ...accepting },
  PENDING: { kind: "step", ...accepting },
  ASSIGNED: { kind: "step", ...accepting },
  ACCEPTED: {
    kind: "step",
    next: "PREPARING",
    message: "preparing",
    waitsForDesired: true,
    onFailure: "REJECTED",
  },
  PREPARING: {
    kind: "step",
    action: "prepare",
    next: "READY",
    message: "prepared",
    waitsForDesired: false,
    onFailure: "REJECTED",
  },
  READY: {
    kind: "step",
    next: "STARTING",
    message: "starting",
    waitsForDesired: true,
    onFailure: "REJECTED",
  },
  STARTING: {
    kind: "step",
    action: "start",
    next: "RUNNING",
    message: "started",
    waitsForDesired: false,
    onFailure: "FAILED",
  },
  RUNNING: {
    kind: "step",
    action: "wait",
    next: "COMPLETE",
    message: "finished",
    waitsForDesired: false,
    onFailure: "FAILED",
  },
  COMPLETE: { kind: "end" },
  SHUTDOWN: { kind: "end" },
  FAILED: { kind: "end" },
  REJECTED: { kind: "end" },
  REMOVE: { kind: "end" },
  ORPHANED: { kind: "end" },
};

export const rankOf = (state: TaskState): number => taskStateNumbers[state];

/** The state that a manager names; NEW for one of a later version, which is only known by a number here. */
export const knownState = (state: TaskState | undefined): TaskState =>
  state !== undefined && Object.hasOwn(taskSteps, state) ? state : "NEW";

/** True for states that a task does not leave. */
export const isTerminal = (state: TaskState): boolean => taskSteps[state].kind === "end";

export type NextMove =
  /** Nothing to do until the assignment changes. */
  | { readonly kind: "stay" }
  | { readonly kind: "shut-down" }
  | { readonly kind: "become"; readonly next: TaskState; readonly message: string }
  | { readonly kind: "act"; readonly action: TaskAction; readonly next: TaskState; readonly message: string };

/** What the worker does next with a task that is in `state` and shall be in `desired`. */
export function nextMove(state: TaskState, desired: TaskState): NextMove {
  const step = taskSteps[state];
  if (step.kind === "end") return { kind: "stay" };
  if (rankOf(desired) >= rankOf("SHUTDOWN")) return { kind: "shut-down" };
  if (step.waitsForDesired && rankOf(desired) <= rankOf(state)) return { kind: "stay" };
  const { action, next, message } = step;
  return action === undefined ? { kind: "become", next, message } : { kind: "act", action, next, message };
}
