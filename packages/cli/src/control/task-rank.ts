import type { TaskState } from "@mswarm/wire";

/** Order of a task's life, as far as progress is shown. Source: docker/cli, numberedStates. */
const ranks: Readonly<Record<TaskState, number>> = {
  NEW: 1,
  PENDING: 3,
  ASSIGNED: 4,
  ACCEPTED: 5,
  PREPARING: 6,
  READY: 7,
  STARTING: 8,
  RUNNING: 9,
  COMPLETE: 10,
  SHUTDOWN: 11,
  FAILED: 12,
  REJECTED: 13,
  REMOVE: 14,
  ORPHANED: 15,
};

export const statusRank = (state: TaskState | undefined): number => ranks[state ?? "NEW"];
