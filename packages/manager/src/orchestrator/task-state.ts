// The life of a task on the manager's side: one table that every loop asks. The agent's steps are in `worker`.
import type { Task, TaskState } from "@mswarm/wire";

/** Who may move a task into a state (`status.state`), or who may wish for it (`desired_state`). */
export type TaskMover = "orchestrator" | "allocator" | "scheduler" | "agent" | "constraint enforcer" | "orphan keeper";

export interface TaskStateRule {
  /** The number on the wire. States are compared by it; a task only ever moves to a higher one. */
  readonly rank: number;
  /** Who sets `status.state` to this state. Empty: never an observed state. */
  readonly movers: readonly TaskMover[];
  /** The task has ended and holds nothing any more. */
  readonly terminal: boolean;
  /** The value occurs in `desired_state`. */
  readonly desirable: boolean;
}

/**
 * Every task state with its rank and who moves a task into it.
 * Source: wire reference 7.1; swarmkit design/task_model.md.
 */
export const taskStates: Readonly<Record<TaskState, TaskStateRule>> = {
  NEW: { rank: 0, movers: ["orchestrator"], terminal: false, desirable: false },
  PENDING: { rank: 64, movers: ["allocator"], terminal: false, desirable: false },
  ASSIGNED: { rank: 192, movers: ["scheduler"], terminal: false, desirable: false },
  ACCEPTED: { rank: 256, movers: ["agent"], terminal: false, desirable: false },
  PREPARING: { rank: 320, movers: ["agent"], terminal: false, desirable: false },
  READY: { rank: 384, movers: ["agent"], terminal: false, desirable: true },
  STARTING: { rank: 448, movers: ["agent"], terminal: false, desirable: false },
  RUNNING: { rank: 512, movers: ["agent"], terminal: false, desirable: true },
  COMPLETE: { rank: 576, movers: ["agent"], terminal: true, desirable: true },
  SHUTDOWN: { rank: 640, movers: ["agent", "scheduler"], terminal: true, desirable: true },
  FAILED: { rank: 704, movers: ["agent"], terminal: true, desirable: false },
  REJECTED: { rank: 768, movers: ["agent", "constraint enforcer"], terminal: true, desirable: false },
  REMOVE: { rank: 800, movers: [], terminal: true, desirable: true },
  ORPHANED: { rank: 832, movers: ["orphan keeper"], terminal: true, desirable: false },
};

/** The number of a state on the wire; absent is NEW. */
export const rankOf = (state: TaskState | undefined): number => taskStates[state ?? "NEW"].rank;

export const stateOf = (task: Task): TaskState => task.status?.state ?? "NEW";
export const desiredOf = (task: Task): TaskState => task.desiredState ?? "NEW";

/** True when the observed state is `state` or later. */
export const hasReached = (task: Task, state: TaskState): boolean => rankOf(task.status?.state) >= rankOf(state);

/** The task has ended: nothing of it runs any more. */
export const hasEnded = (task: Task): boolean => taskStates[stateOf(task)].terminal;

/** The task is meant to run, now or soon. */
export const isWanted = (task: Task): boolean => rankOf(task.desiredState) <= taskStates.RUNNING.rank;

/** The task counts for spreading and for `max_replicas`: wanted, or a job's (desired COMPLETE). */
export const isActive = (task: Task): boolean => rankOf(task.desiredState) <= taskStates.COMPLETE.rank;

/** The task is on a node and may hold resources, ports and a container there, whatever is wished for it. */
export const occupiesNode = (task: Task): boolean =>
  (task.nodeId ?? "") !== "" && hasReached(task, "ASSIGNED") && !hasEnded(task);
