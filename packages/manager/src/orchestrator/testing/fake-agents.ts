// Simulated agents: they bring the tasks of every READY node to what is wished for, taking some time, failing on request.
import { type Clock, type Duration, milliseconds, seconds, Wakeup, wireTimestamp } from "@mswarm/runtime";
import { isChangeOf, nodes, type Store, tasks } from "@mswarm/store";
import type { Task, TaskState } from "@mswarm/wire";
import { hasEnded, hasReached, isActive, occupiesNode, rankOf, stateOf } from "../../objects/task-state.ts";

/** What becomes of a task. `fails`: its process cannot be started. `rejects`: its image cannot be had. */
export type Fate = "runs" | "fails" | "rejects" | { readonly exits: "COMPLETE" | "FAILED"; readonly after: Duration };

export interface FakeAgentOptions {
  readonly fate?: (task: Task) => Fate;
  readonly startTime?: Duration;
  readonly stopTime?: Duration;
}

export class FakeAgents {
  readonly #store: Store;
  readonly #clock: Clock;
  /** May be replaced at any time; holds for steps to come. */
  options: FakeAgentOptions;
  readonly #dirty = new Set<string>();
  readonly #wakeup = new Wakeup();
  /** Since when a task is in the step that it is in. */
  readonly #stepSince = new Map<string, { step: string; since: Duration }>();

  constructor(parts: { store: Store; clock: Clock }, options: FakeAgentOptions = {}) {
    this.#store = parts.store;
    this.#clock = parts.clock;
    this.options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const unwatch = this.#store.watch((changes) => {
      for (const change of changes) {
        if (isChangeOf(change, tasks)) this.#mark(change.object.id ?? "");
        if (isChangeOf(change, nodes)) this.#markNode(change.object.id ?? "");
      }
    });
    try {
      for (const task of this.#store.view((tx) => [...tx.all(tasks)])) this.#mark(task.id ?? "");
      for (;;) {
        await this.#wakeup.wait(signal);
        const ids = [...this.#dirty];
        this.#dirty.clear();
        const reports = ids.flatMap((id) => this.#look(id));
        if (reports.length > 0) await this.#report(reports);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      unwatch();
    }
  }

  #mark(taskId: string): void {
    this.#dirty.add(taskId);
    this.#wakeup.notify();
  }

  #markNode(nodeId: string): void {
    for (const task of this.#store.view((tx) => tx.by(tasks, "node", nodeId))) this.#mark(task.id ?? "");
  }

  /** The state that a task goes to now; when its time has not come, it is looked at again then. */
  #look(id: string): readonly { id: string; state: TaskState }[] {
    const task = this.#store.view((tx) => tx.get(tasks, id));
    if (task === undefined || !occupiesNode(task)) return [];
    const node = this.#store.view((tx) => tx.get(nodes, task.nodeId ?? ""));
    if (node?.status?.state !== "READY") return [];
    const next = this.#nextStep(task);
    if (next === undefined) return [];
    const step = `${stateOf(task)} → ${next.state}`;
    const known = this.#stepSince.get(id);
    const since = known?.step === step ? known.since : this.#clock.monotonic();
    this.#stepSince.set(id, { step, since });
    const left = since + next.takes - this.#clock.monotonic();
    if (left <= 0) return [{ id, state: next.state }];
    this.#clock.timer(milliseconds(left), () => this.#mark(id));
    return [];
  }

  #nextStep(task: Task): { state: TaskState; takes: Duration } | undefined {
    const fate = this.options.fate?.(task) ?? "runs";
    const soon = milliseconds(10);
    if (!isActive(task)) return { state: "SHUTDOWN", takes: this.options.stopTime ?? seconds(1) };
    if (!hasReached(task, "READY")) return { state: fate === "rejects" ? "REJECTED" : "READY", takes: soon };
    if (!hasReached(task, "RUNNING")) {
      if (rankOf(task.desiredState) < rankOf("RUNNING")) return undefined;
      return { state: fate === "fails" ? "FAILED" : "RUNNING", takes: this.options.startTime ?? seconds(1) };
    }
    return typeof fate === "object" ? { state: fate.exits, takes: fate.after } : undefined;
  }

  async #report(reports: readonly { id: string; state: TaskState }[]): Promise<void> {
    await this.#store.batch(reports, (tx, { id, state }) => {
      const task = tx.get(tasks, id);
      if (task === undefined || hasEnded(task) || rankOf(state) <= rankOf(task.status?.state)) return;
      const timestamp = wireTimestamp(this.#clock.now());
      tx.update(tasks, { ...task, status: { state, timestamp, appliedAt: timestamp, message: state.toLowerCase() } });
    });
  }
}
