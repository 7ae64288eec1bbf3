// The order of task states, for those who ask about a task without moving it.
import type { TaskState } from "@mswarm/wire";

/** Numbers on the wire. Source: wire reference 7.1. */
const numbers = {
  NEW: 0,
  PENDING: 64,
  ASSIGNED: 192,
  ACCEPTED: 256,
  PREPARING: 320,
  READY: 384,
  STARTING: 448,
  RUNNING: 512,
  COMPLETE: 576,
  SHUTDOWN: 640,
  FAILED: 704,
  REJECTED: 768,
  REMOVE: 800,
  ORPHANED: 832,
} as const satisfies Record<TaskState, number>;

/** Negative when `state` comes before `other`; absent is NEW. */
export const compareTaskStates = (state: TaskState | undefined, other: TaskState): number =>
  numbers[state ?? "NEW"] - numbers[other];
