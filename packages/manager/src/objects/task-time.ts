// Moments in the life of a task, as the store knows them. All delays are computed from these, so that a new leader
// continues where the old one stopped.
import { type Instant, timestampOf } from "@mswarm/runtime";
import type { Task } from "@mswarm/wire";

const beginning = 0 as Instant;

/** When the task was put into the store. */
export const createdAtOf = (task: Task): Instant => timestampOf(task.meta?.createdAt) ?? beginning;

/**
 * When the task reached its present state: by the manager's clock where a manager wrote it down, else by the agent's.
 * Source: swarmkit manager/orchestrator/task.go, taskTimestamp.
 */
export const statusTimeOf = (task: Task): Instant =>
  timestampOf(task.status?.appliedAt) ?? timestampOf(task.status?.timestamp) ?? createdAtOf(task);

/** Older tasks first; equal times are told apart by the store's version, then by id. */
export function byAge(left: Task, right: Task): number {
  return (
    createdAtOf(left) - createdAtOf(right) ||
    Number(left.meta?.version?.index ?? 0) - Number(right.meta?.version?.index ?? 0) ||
    ((left.id ?? "") < (right.id ?? "") ? -1 : 1)
  );
}
