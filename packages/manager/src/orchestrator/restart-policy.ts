// When a task that ended is replaced, and when its replacement may start. Pure; derived from the stored tasks of one
// slot (or, for a global service, of one node), so that a new leader comes to the same answers.
import { after, type Duration, durationOf, type Instant, milliseconds, minutes, seconds } from "@mswarm/runtime";
import type { RestartPolicy_RestartCondition, Task, TaskSpec } from "@mswarm/wire";
import { isJobTask } from "../objects/job-iteration.ts";
import { specVersionOf } from "../objects/service-mode.ts";
import { desiredOf, hasEnded, isActive, occupiesNode, stateOf } from "../objects/task-state.ts";
import { byAge, createdAtOf, statusTimeOf } from "../objects/task-time.ts";
import { isLost, type NodeLookup } from "./node-fitness.ts";

export interface RestartRules {
  readonly condition: RestartPolicy_RestartCondition;
  readonly delay: Duration;
  /** Restarts allowed within `window`; 0 = any number. */
  readonly attemptsMax: number;
  /** 0 = the whole history. */
  readonly window: Duration;
}

/** Longest wait for a task that was told to stop. Source: swarmkit manager/orchestrator/restart, defaultOldTaskTimeout. */
const stopWait = minutes(1);

/** The policy of a task. Without one: any condition, 5 s delay, no limit. Source: swarmkit api/defaults/service.go. */
export function restartRulesOf(spec: TaskSpec | undefined): RestartRules {
  const policy = spec?.restart;
  if (policy === undefined) return { condition: "ANY", delay: seconds(5), attemptsMax: 0, window: milliseconds(0) };
  return {
    condition: policy.condition ?? "NONE",
    delay: durationOf(policy.delay, seconds(5)),
    attemptsMax: Number(policy.maxAttempts ?? 0),
    window: durationOf(policy.window, milliseconds(0)),
  };
}

/**
 * True when the policy allows a replacement for `task`, which ended or must leave its node.
 * Attempts are the tasks of the same spec version in the slot, without the oldest one (which is no restart).
 *
 * @param slot  all stored tasks of the slot, `task` among them
 * Source: swarmkit manager/orchestrator/restart/restart.go, shouldRestart.
 */
export function mayRestart(task: Task, slot: readonly Task[]): boolean {
  const { condition, attemptsMax, window } = restartRulesOf(task.spec);
  // What a job has completed is done.
  const isOnlyOnFailure = condition === "ON_FAILURE" || isJobTask(task);
  if (condition === "NONE" || (isOnlyOnFailure && stateOf(task) === "COMPLETE")) return false;
  if (attemptsMax === 0) return true;
  const restarts = slot
    .filter((other) => specVersionOf(other) === specVersionOf(task))
    .sort(byAge)
    .slice(1);
  if (window <= 0) return restarts.length < attemptsMax;
  const since = after(statusTimeOf(task), milliseconds(-window));
  return restarts.filter((restart) => createdAtOf(restart) >= since).length < attemptsMax;
}

/**
 * When `task`, which waits with desired state READY, may run: after its restart delay, and when the tasks that were
 * told to stop have stopped (at most a minute).
 * Both count from the task's creation, because in that moment its predecessor ended or was told to stop.
 */
export function startTimeOf(task: Task, slot: readonly Task[], node: NodeLookup): Instant {
  const created = createdAtOf(task);
  const delayed = after(created, restartDelayOf(task, slot));
  const blocked = slot.some((other) => other.id !== task.id && isStopping(other, node));
  return blocked ? (Math.max(delayed, after(created, stopWait)) as Instant) : delayed;
}

/** True while something of a task that is not wanted any more may still run. Nobody waits for a lost node. */
export const isStopping = (task: Task, node: NodeLookup): boolean =>
  !isActive(task) && occupiesNode(task) && !isLost(node(task.nodeId ?? ""));

/**
 * The delay keeps a task that fails again and again from spinning, so it follows a predecessor of the same spec that
 * ended by itself. An update, a drained node and a scaled slot start at once.
 * Differs: SwarmKit also delays after the loss of a node, where waiting helps nobody (docs/subsystems/tasks.md).
 */
function restartDelayOf(task: Task, slot: readonly Task[]): Duration {
  const predecessor = slot
    .filter((other) => other.id !== task.id && byAge(other, task) < 0)
    .sort(byAge)
    .at(-1);
  const endedByItself =
    predecessor !== undefined &&
    desiredOf(predecessor) === "SHUTDOWN" &&
    specVersionOf(predecessor) === specVersionOf(task) &&
    hasEnded(predecessor) &&
    stateOf(predecessor) !== "ORPHANED" &&
    // Creation times are whole milliseconds.
    statusTimeOf(predecessor) < createdAtOf(task) + 1;
  return endedByItself ? restartRulesOf(task.spec).delay : milliseconds(0);
}
