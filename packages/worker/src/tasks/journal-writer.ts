import { type Logger, messageOf, Wakeup } from "@mswarm/runtime";
import type { JournalEntry, TaskJournal } from "./task-journal.ts";

/**
 * Writes the journal beside the tasks' loops, so that no task waits for a disk: what a crash loses is found again by the
 * containers' labels. Of several changes to one task only the newest is written.
 */
export class JournalWriter {
  readonly #journal: TaskJournal;
  readonly #log: Logger;
  readonly #unwritten = new Map<string, JournalEntry | "forget">();
  readonly #wakeup = new Wakeup();

  constructor(parts: { readonly journal: TaskJournal; readonly log: Logger }) {
    this.#journal = parts.journal;
    this.#log = parts.log;
  }

  save(entry: JournalEntry): void {
    this.#unwritten.set(entry.task.id ?? "", entry);
    this.#wakeup.notify();
  }

  forget(taskId: string): void {
    this.#unwritten.set(taskId, "forget");
    this.#wakeup.notify();
  }

  /** Writes until the signal aborts. */
  async run(signal: AbortSignal): Promise<never> {
    for (;;) {
      await this.#wakeup.wait(signal);
      await this.flush();
    }
  }

  /** Writes what is left; to be called once more after the last change. */
  async flush(): Promise<void> {
    for (const [taskId, change] of this.#unwritten) {
      this.#unwritten.delete(taskId);
      try {
        if (change === "forget") await this.#journal.forget(taskId);
        else await this.#journal.save(change);
      } catch (error) {
        this.#log.error({ taskId, error: messageOf(error) }, "the task journal could not be written");
      }
    }
  }
}
