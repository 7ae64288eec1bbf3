// What the tasks of a job should be: how many run at a time, what follows when one fails, what an old iteration leaves.
// Source: swarmkit manager/orchestrator/jobs; wire reference 7.7.
import type { Instant } from "@mswarm/runtime";
import type { Node, Service, Task } from "@mswarm/wire";
import { type ObjectChange, wish } from "../loops/object-change.ts";
import { isOfIteration } from "../objects/job-iteration.ts";
import { slotOf } from "../objects/service-mode.ts";
import { desiredOf, hasEnded, isActive, occupiesNode, stateOf } from "../objects/task-state.ts";
import { byAge } from "../objects/task-time.ts";
import { newTask, type TaskMaker, type TaskPlace } from "./new-task.ts";
import type { NodeLookup } from "./node-fitness.ts";
import { globalPlacement } from "./plan-global.ts";
import { isFinished, type SlotPlan } from "./plan-slot.ts";
import { isStopping, mayRestart, restartRulesOf, startTimeOf } from "./restart-policy.ts";

export interface JobView {
  readonly service: Service;
  /** All stored tasks of the service, those of older iterations too. */
  readonly tasks: readonly Task[];
  readonly node: NodeLookup;
  /** Most changes wanted; the rest follow when it is asked again. */
  readonly changesMax: number;
}

/** What should change so that a replicated job runs as many tasks as it may, until it has its completions. */
export function planReplicatedJob(view: JobView, now: Instant, maker: TaskMaker): readonly ObjectChange[] {
  const { service, tasks, changesMax } = view;
  const { maxConcurrent = "0", totalCompletions = "0" } = service.spec?.replicatedJob ?? {};
  const taken = new Set<number>();
  let running = 0;
  for (const [slot, members] of placesOf(service, tasks, slotOf)) {
    if (hasCompleted(members) || hasGivenUp(members)) taken.add(slot);
    else if (members.some(isUnderWay)) {
      taken.add(slot);
      running += 1;
    }
  }
  const changes = [...outdatedTasks(view)];
  let left = Math.min(Number(maxConcurrent) - running, Number(totalCompletions) - taken.size);
  for (let slot = 0; left > 0 && changes.length < changesMax; slot += 1) {
    if (taken.has(slot)) continue;
    left -= 1;
    changes.push({ kind: "create-task", task: newTask(service, { slot }, "COMPLETE", now, maker) });
  }
  return changes.slice(0, changesMax);
}

/**
 * What should change so that a global job has run once on every node that may run it.
 *
 * @param nodes  all nodes of the cluster
 */
export function planGlobalJob(
  view: JobView,
  nodes: readonly Node[],
  now: Instant,
  maker: TaskMaker,
): readonly ObjectChange[] {
  const { service, tasks, changesMax } = view;
  const places = placesOf(service, tasks, (task) => task.nodeId ?? "");
  const changes = [...outdatedTasks(view)];
  for (const node of nodes) {
    const nodeId = node.id ?? "";
    const members = places.get(nodeId) ?? [];
    if (hasCompleted(members) || hasGivenUp(members) || members.some(isUnderWay)) continue;
    if (globalPlacement(service, node) !== "run" || node.status?.state !== "READY") continue;
    const desired = members.some(occupiesNode) ? "READY" : "COMPLETE";
    changes.push({ kind: "create-task", task: newTask(service, { nodeId }, desired, now, maker) });
  }
  return changes.slice(0, changesMax);
}

export interface JobPlaceView {
  readonly service: Service;
  readonly place: TaskPlace;
  /** The stored tasks of the slot (of a global job: of the node), of the present iteration. */
  readonly tasks: readonly Task[];
  readonly node: NodeLookup;
}

/** What happens to the tasks of one slot or node: failed ones are replaced as the policy says, waiting ones started. */
export function planJobPlace(view: JobPlaceView, now: Instant, maker: TaskMaker): SlotPlan {
  const { service, place, tasks, node } = view;
  const changes: ObjectChange[] = [];
  let lookAgainAt: Instant | undefined;
  for (const task of [...tasks].sort(byAge).filter(isUnderWay)) {
    const startTime = desiredOf(task) === "READY" ? startTimeOf(task, tasks, node) : now;
    const mayStay = !("nodeId" in place) || globalPlacement(service, node(place.nodeId)) !== "leave";
    const isOver = isFinished(task, node) || !mayStay;
    if (startTime > now) {
      lookAgainAt = lookAgainAt === undefined || startTime < lookAgainAt ? startTime : lookAgainAt;
    } else if (!isOver) {
      changes.push(...wish(task, "COMPLETE"));
    } else {
      changes.push(...wish(task, "SHUTDOWN"));
      // A global job gets its next task when the node can run one again.
      if (mayStay && mayRestart(task, tasks)) {
        changes.push({ kind: "create-task", task: replacementOf(task, view, now, maker) });
      }
    }
  }
  return { changes, lookAgainAt };
}

function replacementOf(task: Task, { service, place, node }: JobPlaceView, now: Instant, maker: TaskMaker): Task {
  const mustWait = hasEnded(task)
    ? restartRulesOf(service.spec?.task).delay > 0
    : isStopping({ ...task, desiredState: "SHUTDOWN" }, node);
  return newTask(service, place, mustWait ? "READY" : "COMPLETE", now, maker);
}

/** Tasks of older iterations that still do something: they are stopped, and the reaper deletes them. */
function outdatedTasks({ service, tasks }: JobView): readonly ObjectChange[] {
  return tasks
    .filter((task) => !isOfIteration(task, service) && !hasEnded(task))
    .flatMap((task) => wish(task, "REMOVE"));
}

function placesOf<K>(service: Service, tasks: readonly Task[], keyOf: (task: Task) => K): ReadonlyMap<K, Task[]> {
  const places = new Map<K, Task[]>();
  for (const task of tasks) {
    if (!isOfIteration(task, service)) continue;
    const members = places.get(keyOf(task));
    if (members === undefined) places.set(keyOf(task), [task]);
    else members.push(task);
  }
  return places;
}

/** The task is wanted, and has not done its work yet. */
const isUnderWay = (task: Task): boolean => isActive(task) && stateOf(task) !== "COMPLETE";

const hasCompleted = (place: readonly Task[]): boolean => place.some((task) => stateOf(task) === "COMPLETE");

/**
 * The place's last task failed, and the policy forbids another.
 * Differs: SwarmKit forgets that, and starts such a slot anew at the job's next event.
 */
function hasGivenUp(place: readonly Task[]): boolean {
  const newest = [...place].sort(byAge).at(-1);
  return (
    newest !== undefined &&
    !isActive(newest) &&
    hasEnded(newest) &&
    stateOf(newest) !== "SHUTDOWN" &&
    stateOf(newest) !== "ORPHANED" &&
    !mayRestart(newest, place)
  );
}
