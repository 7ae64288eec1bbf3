// One rolling update (or rollback) of one service, from the first dirty slot to its end. `plan` only computes; what
// it decided becomes part of the run in `committed`. The run lives in the leader's memory: a new leader makes a new
// one from the slots that are still dirty, as SwarmKit does.
// Source: swarmkit manager/orchestrator/update/updater.go; wire reference 7.6.
import { after, type Instant } from "@mswarm/runtime";
import type { Service, Task } from "@mswarm/wire";
import { type ObjectChange, wish } from "../loops/object-change.ts";
import { specVersionOf } from "../objects/service-mode.ts";
import { desiredOf, hasEnded, hasReached, isWanted, stateOf } from "../objects/task-state.ts";
import { byAge, statusTimeOf } from "../objects/task-time.ts";
import { newTask, type TaskMaker, type TaskPlace } from "./new-task.ts";
import type { NodeLookup } from "./node-fitness.ts";
import { isFinished, updatableTasks } from "./plan-slot.ts";
import { isStopping } from "./restart-policy.ts";
import { finalWatch, isRollback, updateRulesOf } from "./update-config.ts";
import { begun, completed, isUnderWay, paused, rolledBack } from "./update-status.ts";

/** What an update has to know of the rest. A slot is named by its number, or by its node for a global service. */
export interface UpdateView {
  readonly service: Service;
  readonly slot: (slotKey: string) => readonly Task[];
  readonly task: (taskId: string) => Task | undefined;
  readonly node: NodeLookup;
  readonly isDirty: (task: Task) => boolean;
  readonly placeOf: (slotKey: string) => TaskPlace;
}

export interface UpdateStep {
  readonly changes: readonly ObjectChange[];
  readonly lookAgainAt: Instant | undefined;
  /** The run is over: completed, paused or rolled back. */
  readonly isOver: boolean;
  /** More slots can be taken at once. */
  readonly hasMore: boolean;
  readonly committed: () => void;
}

/** Slots taken in one transaction; each costs a handful of changes. */
const slotsPerStepMax = 50;

/** Tells one run from the next: a new spec, or a rollback, ends the old one. */
export const runIdOf = (service: Service): string => `${specVersionOf(service)}${isRollback(service) ? " back" : ""}`;

export class UpdateRun {
  readonly id: string;
  /** Dirty slots, in the order in which they are taken. */
  readonly #slots: readonly string[];
  #next = 0;
  /** Tasks that do not run yet, with the slots that they were made for. */
  readonly #active = new Map<string, string>();
  /** Slots done whose pause is not over. */
  readonly #resting = new Map<string, Instant>();
  /** Tasks made by this update that may still fail it, with the time since when they run. */
  readonly #watched = new Map<string, Instant | undefined>();
  readonly #failed = new Set<string>();
  /** Tasks that may have changed since they were looked at: a step costs as much as happened, not as much as is under way. */
  readonly #changed = new Set<string>();
  #lastFailed: string | undefined;
  /** Slots that this update is about; failures are counted in shares of it. */
  readonly #total: number;
  #lastSlotDone: Instant | undefined;

  private constructor(id: string, slots: readonly string[], active: ReadonlyMap<string, string>) {
    this.id = id;
    this.#slots = slots;
    this.#total = slots.length + active.size;
    for (const [slotKey, taskId] of active) this.#watch(slotKey, taskId);
  }

  /** A task of the service was written; it is looked at in the next step. */
  taskChanged(taskId: string): void {
    this.#changed.add(taskId);
  }

  #watch(slotKey: string, taskId: string): void {
    this.#active.set(taskId, slotKey);
    this.#watched.set(taskId, undefined);
    this.#changed.add(taskId);
  }

  /** A run over the dirty ones among `slots`; undefined when there is nothing to update. */
  static start(slots: ReadonlyMap<string, readonly Task[]>, view: UpdateView): UpdateRun | undefined {
    const dirty = [...slots].filter(([, tasks]) => isDirtySlot(updatableTasks(tasks), view));
    const active = new Map<string, string>();
    if (isUnderWay(view.service)) {
      for (const [slotKey, tasks] of slots) {
        const taskId = inFlight(tasks, view);
        if (taskId !== undefined) active.set(slotKey, taskId);
      }
    }
    if (dirty.length === 0 && active.size === 0) return undefined;
    // Slots without a running task first: to update them costs no capacity.
    const isRunning = (tasks: readonly Task[]): boolean =>
      tasks.some((task) => isWanted(task) && stateOf(task) === "RUNNING");
    const order = dirty
      .sort(
        ([leftKey, left], [rightKey, right]) =>
          Number(isRunning(left)) - Number(isRunning(right)) || compareSlotKeys(leftKey, rightKey),
      )
      .map(([slotKey]) => slotKey)
      .filter((slotKey) => !active.has(slotKey));
    return new UpdateRun(runIdOf(view.service), order, active);
  }

  plan(view: UpdateView, now: Instant, maker: TaskMaker): UpdateStep {
    const rules = updateRulesOf(view.service);
    for (const taskId of this.#changed) this.#look(taskId, view, now);
    this.#changed.clear();
    const failure = this.#lastFailed;
    if (failure !== undefined && rules.failureAction !== "CONTINUE") {
      const share = this.#failed.size / this.#total;
      if (share > rules.failureRatioMax) return over([{ kind: "update-service", service: halted(view, failure) }]);
    }
    for (const [slotKey, until] of this.#resting) if (until <= now) this.#resting.delete(slotKey);
    const parallelism = rules.parallelism === 0 ? Number.POSITIVE_INFINITY : rules.parallelism;
    const room = Math.min(parallelism - this.#active.size - this.#resting.size, slotsPerStepMax);
    const { changes, taken, next } = this.#takeSlots(room, view, now, maker);
    const started = begun(view.service, now);
    if (started !== view.service) changes.push({ kind: "update-service", service: started });
    const committed = (): void => this.#took(taken, next, now);
    if (next < this.#slots.length || taken.size > 0 || this.#active.size > 0) {
      const lookAgainAt = [...this.#resting.values()].sort((left, right) => left - right)[0];
      const hasMore = next < this.#slots.length && taken.size >= slotsPerStepMax;
      return { changes, lookAgainAt, isOver: false, hasMore, committed };
    }
    const end = after(this.#lastSlotDone ?? now, finalWatch(rules));
    if (end > now || changes.length > 0) return { changes, lookAgainAt: end, isOver: false, hasMore: false, committed };
    // A run that only cleaned up after a finished update has nothing to report.
    return over(isUnderWay(started) ? [{ kind: "update-service", service: completed(started, now) }] : []);
  }

  #took(taken: ReadonlyMap<string, string>, next: number, now: Instant): void {
    this.#next = next;
    for (const [slotKey, taskId] of taken) this.#watch(slotKey, taskId);
    if (next === this.#slots.length && this.#active.size === 0) this.#lastSlotDone ??= now;
  }

  /** Takes notice of a task as it is now. Safe to repeat. */
  #look(taskId: string, view: UpdateView, now: Instant): void {
    const task = view.task(taskId);
    if (this.#watched.has(taskId)) this.#observe(taskId, task, view);
    const slotKey = this.#active.get(taskId);
    if (slotKey !== undefined) this.#settle(taskId, slotKey, task, view, now);
  }

  /** Counts a task made by this update as failed when it ended before it ran, or within the monitor after that. */
  #observe(taskId: string, task: Task | undefined, view: UpdateView): void {
    if (task === undefined) {
      this.#watched.delete(taskId);
    } else if (hasEnded(task)) {
      const runningSince = this.#watched.get(taskId);
      this.#watched.delete(taskId);
      const { monitor } = updateRulesOf(view.service);
      const isEarly = runningSince === undefined || statusTimeOf(task) <= after(runningSince, monitor);
      // A task that was told to stop ends as SHUTDOWN.
      if (stateOf(task) !== "SHUTDOWN" && isEarly) {
        this.#failed.add(taskId);
        this.#lastFailed = taskId;
      }
    } else if (stateOf(task) === "RUNNING" && this.#watched.get(taskId) === undefined) {
      this.#watched.set(taskId, statusTimeOf(task));
    }
  }

  /** Gives up a slot whose new task runs, failed, or was taken away. */
  #settle(taskId: string, slotKey: string, task: Task | undefined, view: UpdateView, now: Instant): void {
    if (task !== undefined && isWanted(task) && !hasReached(task, "RUNNING")) return;
    const { delay } = updateRulesOf(view.service);
    this.#active.delete(taskId);
    this.#lastSlotDone = now;
    if (delay > 0) this.#resting.set(slotKey, after(now, delay));
  }

  #takeSlots(room: number, view: UpdateView, now: Instant, maker: TaskMaker): Taken {
    const changes: ObjectChange[] = [];
    const taken = new Map<string, string>();
    let next = this.#next;
    while (next < this.#slots.length && taken.size < room) {
      const slotKey = this.#slots[next] ?? "";
      next += 1;
      const step = planUpdateOfSlot(slotKey, view, now, maker);
      if (step === undefined) continue;
      changes.push(...step.changes);
      if (step.waitsFor !== undefined) taken.set(slotKey, step.waitsFor);
    }
    return { changes, taken, next };
  }
}

interface Taken {
  readonly changes: ObjectChange[];
  readonly taken: Map<string, string>;
  readonly next: number;
}

const over = (changes: readonly ObjectChange[]): UpdateStep => ({
  changes,
  lookAgainAt: undefined,
  isOver: true,
  hasMore: false,
  committed: () => undefined,
});

/** The service after a failure that its update does not bear. */
function halted({ service }: UpdateView, taskId: string): Service {
  if (updateRulesOf(service).failureAction === "PAUSE") return paused(service, "update", taskId);
  if (isRollback(service)) return paused(service, "rollback", taskId);
  return rolledBack(service, taskId) ?? paused(service, "update", taskId);
}

/** Source: updater.go, isSlotDirty. */
const isDirtySlot = (updatable: readonly Task[], view: UpdateView): boolean =>
  updatable.length > 1 || updatable.some(view.isDirty);

/** The task that an earlier leader's run of the same update put into the slot and that does not run yet. */
function inFlight(slot: readonly Task[], view: UpdateView): string | undefined {
  const ordered = [...slot].sort(byAge);
  const newest = ordered.at(-1);
  const before = ordered.at(-2);
  if (newest === undefined || before === undefined || !isWanted(newest) || hasReached(newest, "RUNNING"))
    return undefined;
  return !view.isDirty(newest) && specVersionOf(before) !== specVersionOf(newest) ? newest.id : undefined;
}

interface SlotStep {
  readonly changes: readonly ObjectChange[];
  /** The task that has to run before the next slot's turn; undefined when there is nothing to wait for. */
  readonly waitsFor: string | undefined;
}

/** Replaces the tasks of one slot, or keeps one that already is as it should be. Undefined when nothing is to be done. */
function planUpdateOfSlot(slotKey: string, view: UpdateView, now: Instant, maker: TaskMaker): SlotStep | undefined {
  const slot = view.slot(slotKey);
  const updatable = updatableTasks(slot);
  if (!isDirtySlot(updatable, view)) return undefined;
  const startFirst = updateRulesOf(view.service).order === "START_FIRST";
  const clean = updatable.filter((task) => !view.isDirty(task) && !isFinished(task, view.node) && isWanted(task));
  const kept = clean.find((task) => desiredOf(task) === "RUNNING") ?? clean[0];
  const old = updatable.filter((task) => task !== kept);
  const keptRuns = kept !== undefined && stateOf(kept) === "RUNNING";
  // Start-first: planSlot stops the old ones as soon as the new one runs.
  const stopped = startFirst && !keptRuns ? [] : old.flatMap((task) => wish(task, "SHUTDOWN"));
  if (kept !== undefined) return { changes: stopped, waitsFor: keptRuns ? undefined : (kept.id ?? "") };
  const mustWait = !startFirst && slot.some((task) => isStopping({ ...task, desiredState: "SHUTDOWN" }, view.node));
  const task = newTask(view.service, view.placeOf(slotKey), mustWait ? "READY" : "RUNNING", now, maker);
  return { changes: [{ kind: "create-task", task }, ...stopped], waitsFor: task.id ?? "" };
}

const compareSlotKeys = (left: string, right: string): number =>
  left.length - right.length || (left < right ? -1 : left > right ? 1 : 0);
