// What happens to the tasks of one slot of a replicated service, or of one node of a global one: failed tasks are
// replaced, waiting ones started, superseded ones stopped. How many slots there are is not decided here.
import type { Instant } from "@mswarm/runtime";
import type { Service, Task } from "@mswarm/wire";
import { type ObjectChange, wish } from "../loops/object-change.ts";
import { desiredOf, hasEnded, isWanted, rankOf, stateOf } from "../objects/task-state.ts";
import { byAge } from "../objects/task-time.ts";
import { mayServeUntil } from "./drain.ts";
import { newTask, type TaskMaker, type TaskPlace } from "./new-task.ts";
import { mustBeLeft, type NodeLookup } from "./node-fitness.ts";
import { isStopping, mayRestart, restartRulesOf, startTimeOf } from "./restart-policy.ts";

export interface SlotView {
  readonly service: Service;
  readonly place: TaskPlace;
  /** All stored tasks of the slot, in any order. */
  readonly tasks: readonly Task[];
  readonly node: NodeLookup;
  /** True for a task that an update has to replace. */
  readonly isDirty: (task: Task) => boolean;
}

export interface SlotPlan {
  readonly changes: readonly ObjectChange[];
  /** When something falls due that no event announces. */
  readonly lookAgainAt: Instant | undefined;
}

export function planSlot(view: SlotView, now: Instant, maker: TaskMaker): SlotPlan {
  const wanted = view.tasks.filter(isWanted).sort(byAge);
  const successor = successorOf(wanted, view);
  const changes: ObjectChange[] = [];
  let lookAgainAt: Instant | undefined;
  const later = (at: Instant): void => {
    lookAgainAt = lookAgainAt === undefined || at < lookAgainAt ? at : lookAgainAt;
  };
  let replaced = false;
  for (const task of wanted) {
    if (successor !== undefined && task !== successor) {
      changes.push(...wish(task, "SHUTDOWN"));
      continue;
    }
    const startTime = desiredOf(task) === "READY" ? startTimeOf(task, view.tasks, view.node) : now;
    if (!isFinished(task, view.node)) {
      if (startTime <= now) changes.push(...wish(task, "RUNNING"));
      else later(startTime);
    } else if (startTime > now) {
      // It failed while it waited for its start: its own delay still holds.
      later(startTime);
    } else {
      const isSuperseded = wanted.some((other) => isNewer(other, task) && !isFinished(other, view.node));
      const isReplaced = isSuperseded || mayRestart(task, view.tasks);
      const until = mayServeUntil(task, view.service, view.node(task.nodeId ?? ""), now);
      if (until === undefined || !isReplaced) changes.push(...wish(task, "SHUTDOWN"));
      else later(until);
      if (!replaced && !isSuperseded && isReplaced) {
        replaced = true;
        const replacement =
          until === undefined
            ? replacementOf(task, view, now, maker)
            : newTask(view.service, view.place, "RUNNING", now, maker);
        changes.push({ kind: "create-task", task: replacement });
      }
    }
  }
  return { changes, lookAgainAt };
}

/** The task ended, or cannot stay where it is. */
export const isFinished = (task: Task, node: NodeLookup): boolean =>
  hasEnded(task) || ((task.nodeId ?? "") !== "" && mustBeLeft(node(task.nodeId ?? "")));

/** True when the slot keeps `task` alive whatever becomes of `other`. */
const isNewer = (other: Task, task: Task): boolean => other !== task && byAge(task, other) < 0;

/**
 * With several wanted tasks (start-first): the one that makes the others superfluous, once it runs.
 * It has to be of the present spec; the oldest wins, so that two leaders in a row choose the same.
 */
function successorOf(wanted: readonly Task[], view: SlotView): Task | undefined {
  if (wanted.length < 2) return undefined;
  return wanted.find(
    (task) =>
      stateOf(task) === "RUNNING" &&
      desiredOf(task) === "RUNNING" &&
      !isFinished(task, view.node) &&
      !view.isDirty(task),
  );
}

/**
 * A task for the place of one that ended. It waits with desired state READY (so that its image is there) when its
 * predecessor still has to stop or the restart delay is running; the plan after this one starts it.
 */
function replacementOf(task: Task, view: SlotView, now: Instant, maker: TaskMaker): Task {
  const mustWait = hasEnded(task)
    ? restartRulesOf(view.service.spec?.task).delay > 0
    : isStopping({ ...task, desiredState: "SHUTDOWN" }, view.node);
  return newTask(view.service, view.place, mustWait ? "READY" : "RUNNING", now, maker);
}

/**
 * True when the slot counts as one of the service's replicas: a task of it is wanted, or its newest one ended and the
 * policy forbids a restart. Source: swarmkit manager/orchestrator/restart/restart.go, UpdatableTasksInSlot.
 */
export const isLiveSlot = (slot: readonly Task[]): boolean => updatableTasks(slot).length > 0;

/** The tasks of a slot that an update would look at: the wanted ones, else the last one when it must not be restarted. */
export function updatableTasks(slot: readonly Task[]): readonly Task[] {
  const wanted = slot.filter(isWanted);
  if (wanted.length > 0) return wanted;
  const newest = slot
    .filter((task) => rankOf(task.desiredState) < rankOf("REMOVE"))
    .sort(byAge)
    .at(-1);
  return newest !== undefined && !mayRestart(newest, slot) ? [newest] : [];
}
