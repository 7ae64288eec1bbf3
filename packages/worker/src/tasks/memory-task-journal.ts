import { taskCodec } from "@mswarm/wire";
import { type JournalEntry, type TaskJournal, withoutCredentials } from "./task-journal.ts";

/** A journal for tests: holds the very bytes that would be on the disk. */
export class MemoryTaskJournal implements TaskJournal {
  readonly bytes: Map<string, Buffer> = new Map();

  async load(): Promise<readonly JournalEntry[]> {
    return [...this.bytes.values()].map((bytes) => {
      const { status = {}, ...task } = taskCodec.decode(bytes);
      return { task, status };
    });
  }

  async save({ task, status }: JournalEntry): Promise<void> {
    this.bytes.set(task.id ?? "", taskCodec.encode({ ...withoutCredentials(task), status }));
  }

  async sync(): Promise<void> {}

  async forget(taskId: string): Promise<void> {
    this.bytes.delete(taskId);
  }

  async clear(): Promise<void> {
    this.bytes.clear();
  }
}
