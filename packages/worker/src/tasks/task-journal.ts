// What this node knows of its tasks across restarts. No secret and no registry credential is in it: those come again
// with the next session.
import type { Task, TaskStatus } from "@mswarm/wire";

export interface JournalEntry {
  /** As assigned, without registry credentials. */
  readonly task: Task;
  /** Where this worker has brought it. */
  readonly status: TaskStatus;
}

/** One entry for each task. `FileTaskJournal` is the real one, `MemoryTaskJournal` the fake. */
export interface TaskJournal {
  /** All readable entries; one that is damaged is left out, its container is found by its labels. */
  load(): Promise<readonly JournalEntry[]>;
  /** Replaces the task's entry, for good after `sync`. Entries of different tasks may be saved at the same time. */
  save(entry: JournalEntry): Promise<void>;
  /** Makes all that was saved outlive a crash of the machine: once for many entries. */
  sync(): Promise<void>;
  /** Harmless when there is none. */
  forget(taskId: string): Promise<void>;
  /** Forgets all. */
  clear(): Promise<void>;
}

/** The task as it may be written to a disk. */
export function withoutCredentials(task: Task): Task {
  const container = task.spec?.container;
  if (container?.pullOptions === undefined) return task;
  const { pullOptions: _credentials, ...rest } = container;
  return { ...task, spec: { ...task.spec, container: rest } };
}
