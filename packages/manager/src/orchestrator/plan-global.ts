// On which nodes a global service has a task. What happens to the tasks of one node is in plan-slot.ts.
// Source: swarmkit manager/orchestrator/global; wire reference 7.4.
import type { Instant } from "@mswarm/runtime";
import type { Node, Service, Task, TaskState } from "@mswarm/wire";
import { type ObjectChange, wish } from "../loops/object-change.ts";
import { nodeMatches, readConstraints } from "../objects/constraints.ts";
import { hasEnded, isWanted, occupiesNode, stateOf } from "../objects/task-state.ts";
import { byAge } from "../objects/task-time.ts";
import { newTask, type TaskMaker } from "./new-task.ts";
import { mustBeLeft } from "./node-fitness.ts";
import { mayRestart } from "./restart-policy.ts";

export interface GlobalPlaceView {
  readonly service: Service;
  readonly nodeId: string;
  /** Undefined when it was removed. */
  readonly node: Node | undefined;
  /** All stored tasks of the service on the node. */
  readonly tasks: readonly Task[];
}

/** What the service wants on a node. */
export type GlobalPlacement =
  /** A running task. */
  | "run"
  /** What runs may stay, but nothing is added or updated: the node is paused. */
  | "keep"
  /** No task: drained, down, or constraints that do not hold. */
  | "leave"
  /** The node is gone, and with it everything about it. */
  | "forget";

export function globalPlacement(service: Service, node: Node | undefined): GlobalPlacement {
  if (node === undefined) return "forget";
  const constraints = readConstraints(service.spec?.task?.placement?.constraints);
  if (mustBeLeft(node) || !nodeMatches(constraints, node)) return "leave";
  return node.spec?.availability === "PAUSE" ? "keep" : "run";
}

/** What should change so that the service has a task on the node, or none. */
export function planGlobalPlace(view: GlobalPlaceView, now: Instant, maker: TaskMaker): readonly ObjectChange[] {
  const { service, nodeId, node, tasks } = view;
  switch (globalPlacement(service, node)) {
    case "forget":
      return tasks.map((task) => ({ kind: "remove-task", task }));
    case "leave":
      return tasks.flatMap((task) => wish(task, "SHUTDOWN"));
    case "keep":
      return [];
    case "run":
      if (tasks.some(isWanted) || hasFinished(tasks)) return [];
      return [{ kind: "create-task", task: newTask(service, { nodeId }, desiredAtFirst(tasks), now, maker) }];
  }
}

/** The last task on the node ended by itself, and the policy forbids another. One that was sent away does not count. */
function hasFinished(tasks: readonly Task[]): boolean {
  const newest = [...tasks].sort(byAge).at(-1);
  return newest !== undefined && hasEnded(newest) && stateOf(newest) !== "SHUTDOWN" && !mayRestart(newest, tasks);
}

/** A node that comes back can still be stopping what it ran before. */
const desiredAtFirst = (tasks: readonly Task[]): TaskState => (tasks.some(occupiesNode) ? "READY" : "RUNNING");
