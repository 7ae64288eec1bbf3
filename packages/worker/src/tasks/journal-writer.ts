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
    const changes = [...this.#unwritten];
    this.#unwritten.clear();
    // At once, because a disk brings many files to safety in the time of one.
    const isSaved = await Promise.all(changes.map(([taskId, change]) => this.#write(taskId, change)));
    if (isSaved.includes(true)) await this.#journal.sync().catch((error: unknown) => this.#complain(error));
  }

  /** True when there is something to be synced. */
  async #write(taskId: string, change: JournalEntry | "forget"): Promise<boolean> {
    try {
      if (change === "forget") await this.#journal.forget(taskId);
      else await this.#journal.save(change);
      return change !== "forget";
    } catch (error) {
      this.#complain(error, taskId);
      return false;
    }
  }

  #complain(error: unknown, taskId?: string): void {
    this.#log.error({ taskId, error: messageOf(error) }, "the task journal could not be written");
  }
}
