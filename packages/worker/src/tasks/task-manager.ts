// All tasks of this node: one runner for each, made and removed as the dispatcher's set changes.
import { type Clock, type Logger, messageOf, TaskGroup } from "@mswarm/runtime";
import type { Task, TaskStatus } from "@mswarm/wire";
import { type AssignmentSet, noAssignments } from "../assignments.ts";
import type { JournalWriter } from "./journal-writer.ts";
import { removeOrphans } from "./orphans.ts";
import type { StatusReporter } from "./status-reporter.ts";
import { TaskContainer, type TaskContainerParts } from "./task-container.ts";
import type { JournalEntry } from "./task-journal.ts";
import { TaskRunner } from "./task-runner.ts";
import { isTerminal } from "./task-steps.ts";

export interface TaskManagerParts extends Omit<TaskContainerParts, "dependencies"> {
  readonly nodeId: string;
  readonly reporter: StatusReporter;
  readonly journal: JournalWriter;
  readonly clock: Clock;
  readonly log: Logger;
}

export class TaskManager {
  readonly #parts: TaskManagerParts;
  readonly #group: TaskGroup;
  readonly #runners = new Map<string, TaskRunner>();
  #set: AssignmentSet = noAssignments;
  #onChange: () => void = () => undefined;

  /** Everything started here ends with `signal`, containers staying as they are. */
  constructor(parts: TaskManagerParts, signal: AbortSignal) {
    this.#parts = parts;
    this.#group = new TaskGroup(signal, (name, error) => {
      parts.log.error({ work: name, error: messageOf(error) }, "a task's loop broke");
    });
  }

  /** What the dispatcher's incremental messages follow on. */
  get assignments(): AssignmentSet {
    return this.#set;
  }

  /** The tasks at this moment, those from the journal included. */
  get runners(): Iterable<TaskRunner> {
    return this.#runners.values();
  }

  /** Calls `listener` after every change of the set; one listener at a time. */
  onChange(listener: () => void): () => void {
    this.#onChange = listener;
    return () => {
      this.#onChange = () => undefined;
    };
  }

  /** Takes up the tasks of the last run of the daemon. To be called once, before anything is assigned. */
  async restore(entries: readonly JournalEntry[]): Promise<void> {
    for (const { task, status } of entries) this.#start(task, { status, isAssigned: false });
    const living = entries.filter(({ status }) => !isTerminal(status.state ?? "NEW"));
    await this.#wipeAllBut(new Set(living.map(({ task }) => task.id ?? "")));
  }

  /** The dispatcher's new set. A complete one is the truth about this node: what is not in it goes. */
  apply(set: AssignmentSet, isComplete: boolean): void {
    const previous = this.#set;
    this.#set = set;
    for (const [id, task] of set.tasks) {
      const runner = this.#runners.get(id);
      const isNew = previous.tasks.get(id) !== task;
      if (runner === undefined && (isNew || isTaskId(id))) this.#startAssigned(task);
      else if (isComplete || isNew) runner?.update(task);
    }
    for (const [id, runner] of this.#runners) if (!set.tasks.has(id)) runner.remove();
    if (isComplete) {
      const { engine, nodeId, clock, log } = this.#parts;
      this.#group.run("orphan removal", async (signal) => {
        await this.#wipeAllBut(new Set(this.#runners.keys()));
        const isOrphan = (taskId: string): boolean => !this.#runners.has(taskId);
        await removeOrphans({ engine, nodeId, clock, log }, isOrphan, signal);
      });
    }
    this.#onChange();
  }

  /** Ends all loops; containers stay as they are. */
  async close(): Promise<void> {
    await this.#group.close();
  }

  #startAssigned(task: Task): void {
    const id = task.id ?? "";
    if (!isTaskId(id)) {
      this.#parts.log.error({}, "an assigned task has an id that is none; it is ignored");
      return;
    }
    this.#start(task, { status: undefined, isAssigned: true });
  }

  #start(task: Task, options: { readonly status: TaskStatus | undefined; readonly isAssigned: boolean }): void {
    const id = task.id ?? "";
    const { reporter, journal, clock, log } = this.#parts;
    const parts = { ...this.#parts, dependencies: () => this.#set };
    const container = new TaskContainer(id, parts, !options.isAssigned);
    const runner = new TaskRunner(task, options, { container, reporter, journal, clock, log });
    this.#runners.set(id, runner);
    this.#group.run(`task ${id}`, async (signal) => {
      await runner.run(signal);
      this.#runners.delete(id);
      // Assigned again while its container was being removed.
      const again = this.#set.tasks.get(id);
      if (again !== undefined) this.#startAssigned(again);
    });
  }

  async #wipeAllBut(taskIds: ReadonlySet<string>): Promise<void> {
    try {
      await this.#parts.secretMount.wipeAllBut(taskIds);
    } catch (error) {
      this.#parts.log.error({ error: messageOf(error) }, "secrets of tasks that are gone could not be wiped");
    }
  }
}

/** An id becomes a file name and a label; it came over the wire. */
const isTaskId = (id: string): boolean => /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/.test(id);
