// How many slots a replicated service has, and which ones. What happens inside a slot is in plan-slot.ts.
// Source: swarmkit manager/orchestrator/replicated (services.go, slot.go); wire reference 7.3.
import type { Instant } from "@mswarm/runtime";
import type { Service, Task } from "@mswarm/wire";
import { type ObjectChange, wish } from "../loops/object-change.ts";
import { replicasOf, slotOf } from "../objects/service-mode.ts";
import { stateOf } from "../objects/task-state.ts";
import { newTask, type TaskMaker } from "./new-task.ts";
import type { NodeLookup } from "./node-fitness.ts";
import { updatableTasks } from "./plan-slot.ts";
import { isStopping } from "./restart-policy.ts";

export interface ReplicasView {
  readonly service: Service;
  /** All stored tasks of the service. */
  readonly tasks: readonly Task[];
  readonly node: NodeLookup;
  /** Most changes wanted; the rest follow when it is asked again. */
  readonly changesMax: number;
}

/** What should change so that the service has the slots it wants. */
export function planReplicas(view: ReplicasView, now: Instant, maker: TaskMaker): readonly ObjectChange[] {
  const slots = slotsOf(view.tasks);
  const live: LiveSlot[] = [];
  const dead: Task[] = [];
  for (const [slot, tasks] of slots) {
    const updatable = updatableTasks(tasks);
    if (updatable.length > 0) live.push({ slot, tasks: updatable });
    else dead.push(...tasks);
  }
  const missing = replicasOf(view.service) - live.length;
  const changes: ObjectChange[] = [];
  if (missing < 0) {
    for (const { slot } of byWorth(live).slice(missing)) {
      changes.push(...(slots.get(slot) ?? []).flatMap((task) => wish(task, "REMOVE")));
    }
  }
  // The reaper deletes them once they have stopped.
  changes.push(...dead.flatMap((task) => wish(task, "REMOVE")));
  const taken = new Set(live.map(({ slot }) => slot));
  for (let slot = 1, left = missing; left > 0 && changes.length < view.changesMax; slot += 1) {
    if (taken.has(slot)) continue;
    left -= 1;
    const mustWait = (slots.get(slot) ?? []).some((task) => isStopping({ ...task, desiredState: "REMOVE" }, view.node));
    const task = newTask(view.service, { slot }, mustWait ? "READY" : "RUNNING", now, maker);
    changes.push({ kind: "create-task", task });
  }
  return changes.slice(0, view.changesMax);
}

interface LiveSlot {
  readonly slot: number;
  readonly tasks: readonly Task[];
}

/** Tasks by slot number. */
export function slotsOf(tasks: readonly Task[]): ReadonlyMap<number, readonly Task[]> {
  const slots = new Map<number, Task[]>();
  for (const task of tasks) {
    const slot = slots.get(slotOf(task));
    if (slot === undefined) slots.set(slotOf(task), [task]);
    else slot.push(task);
  }
  return slots;
}

/**
 * The slots to keep first. Each slot is the n-th of the service on its node; low n come first, so that what remains is
 * spread evenly. Slots without a node, or with several tasks, come last.
 */
function byWorth(slots: readonly LiveSlot[]): readonly LiveSlot[] {
  const onNode = new Map<string, number>();
  return [...slots]
    .sort(runningThenNumber)
    .map((slot) => {
      const nodeId = slot.tasks.length === 1 ? (slot.tasks[0]?.nodeId ?? "") : "";
      if (nodeId === "") return { slot, copy: Number.POSITIVE_INFINITY };
      const copy = onNode.get(nodeId) ?? 0;
      onNode.set(nodeId, copy + 1);
      return { slot, copy };
    })
    .sort((left, right) => (left.copy === right.copy ? 0 : left.copy - right.copy))
    .map(({ slot }) => slot);
}

function runningThenNumber(left: LiveSlot, right: LiveSlot): number {
  const isRunning = ({ tasks }: LiveSlot): boolean => tasks.some((task) => stateOf(task) === "RUNNING");
  return Number(isRunning(right)) - Number(isRunning(left)) || left.slot - right.slot;
}
