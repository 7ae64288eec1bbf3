// The life of a task on the manager's side: one table that every loop asks. The agent's steps are in `worker`.
import { type Task, type TaskState, taskStateNumbers } from "@mswarm/wire";

/** Who may move a task into a state (`status.state`), or who may wish for it (`desired_state`). */
export type TaskMover = "orchestrator" | "allocator" | "scheduler" | "agent" | "constraint enforcer" | "orphan keeper";

export interface TaskStateRule {
  /** Who sets `status.state` to this state. Empty: never an observed state. */
  readonly movers: readonly TaskMover[];
  /** The task has ended and holds nothing any more. */
  readonly terminal: boolean;
  /** The value occurs in `desired_state`. */
  readonly desirable: boolean;
}

/**
 * Every task state and who moves a task into it.
 * Source: wire reference 7.1; swarmkit design/task_model.md.
 */
export const taskStates: Readonly<Record<TaskState, TaskStateRule>> = {
  NEW: { movers: ["orchestrator"], terminal: false, desirable: false },
  PENDING: { movers: ["allocator"], terminal: false, desirable: false },
  ASSIGNED: { movers: ["scheduler"], terminal: false, desirable: false },
  ACCEPTED: { movers: ["agent"], terminal: false, desirable: false },
  PREPARING: { movers: ["agent"], terminal: false, desirable: false },
  READY: { movers: ["agent"], terminal: false, desirable: true },
  STARTING: { movers: ["agent"], terminal: false, desirable: false },
  RUNNING: { movers: ["agent"], terminal: false, desirable: true },
  COMPLETE: { movers: ["agent"], terminal: true, desirable: true },
  SHUTDOWN: { movers: ["agent", "scheduler"], terminal: true, desirable: true },
  FAILED: { movers: ["agent"], terminal: true, desirable: false },
  REJECTED: { movers: ["agent", "constraint enforcer"], terminal: true, desirable: false },
  REMOVE: { movers: [], terminal: true, desirable: true },
  ORPHANED: { movers: ["orphan keeper"], terminal: true, desirable: false },
};

/** The number of a state on the wire; absent is NEW. */
export const rankOf = (state: TaskState | undefined): number => taskStateNumbers[state ?? "NEW"];

/** Negative when `state` comes before `other`; absent is NEW. */
export const compareTaskStates = (state: TaskState | undefined, other: TaskState): number =>
  rankOf(state) - rankOf(other);

export const stateOf = (task: Task): TaskState => task.status?.state ?? "NEW";
export const desiredOf = (task: Task): TaskState => task.desiredState ?? "NEW";

/** True when the observed state is `state` or later. */
export const hasReached = (task: Task, state: TaskState): boolean => rankOf(task.status?.state) >= rankOf(state);

/** The task has ended: nothing of it runs any more. */
export const hasEnded = (task: Task): boolean => taskStates[stateOf(task)].terminal;

/** The task is meant to run, now or soon. */
export const isWanted = (task: Task): boolean => rankOf(task.desiredState) <= taskStateNumbers.RUNNING;

/** The task counts for spreading and for `max_replicas`: wanted, or a job's (desired COMPLETE). */
export const isActive = (task: Task): boolean => rankOf(task.desiredState) <= taskStateNumbers.COMPLETE;

/** The task is on a node and may hold resources, ports and a container there, whatever is wished for it. */
export const occupiesNode = (task: Task): boolean =>
  (task.nodeId ?? "") !== "" && hasReached(task, "ASSIGNED") && !hasEnded(task);
