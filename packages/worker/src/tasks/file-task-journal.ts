// The journal as one small file for each task, written whole: a crash leaves the old entry or the new one.
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { invalidArgument, type Logger, messageOf } from "@mswarm/runtime";
import { taskCodec } from "@mswarm/wire";
import { type JournalEntry, type TaskJournal, withoutCredentials } from "./task-journal.ts";

const extension = ".task";

/** @param folder  this node's own; made (0700) when the first entry is written */
export class FileTaskJournal implements TaskJournal {
  readonly #folder: string;
  readonly #log: Logger;

  constructor(folder: string, parts: { readonly log: Logger }) {
    this.#folder = folder;
    this.#log = parts.log;
  }

  async load(): Promise<readonly JournalEntry[]> {
    const entries: JournalEntry[] = [];
    for (const name of await this.#names()) {
      if (!name.endsWith(extension)) continue;
      try {
        const { status = {}, ...task } = taskCodec.decode(await readFile(join(this.#folder, name)));
        if (`${task.id ?? ""}${extension}` === name) entries.push({ task, status });
      } catch (error) {
        this.#log.warn({ file: name, error: messageOf(error) }, "an entry of the task journal is damaged and left out");
      }
    }
    return entries;
  }

  async save({ task, status }: JournalEntry): Promise<void> {
    const path = this.#path(task.id ?? "");
    const bytes = taskCodec.encode({ ...withoutCredentials(task), status });
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const half = await open(`${path}.new`, "w", 0o600);
    try {
      await half.writeFile(bytes);
      await half.sync();
    } finally {
      await half.close();
    }
    await rename(`${path}.new`, path);
  }

  async sync(): Promise<void> {
    const folder = await open(this.#folder, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }

  async forget(taskId: string): Promise<void> {
    await rm(this.#path(taskId), { force: true });
  }

  async clear(): Promise<void> {
    for (const name of await this.#names()) await rm(join(this.#folder, name), { force: true });
  }

  async #names(): Promise<readonly string[]> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    return await readdir(this.#folder);
  }

  #path(taskId: string): string {
    // The id came from a manager and becomes a file name.
    if (!/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(taskId)) throw invalidArgument("a task's id is not one");
    return join(this.#folder, `${taskId}${extension}`);
  }
}
