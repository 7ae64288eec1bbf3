import { internal, silentLogger } from "@mswarm/runtime";
import { expect, test } from "vitest";
import { assignedTask } from "../testing/worker-scene.ts";
import { JournalWriter } from "./journal-writer.ts";
import { MemoryTaskJournal } from "./memory-task-journal.ts";
import type { JournalEntry } from "./task-journal.ts";

class CountingJournal extends MemoryTaskJournal {
  syncs = 0;
  refused: string | undefined;

  override async save(entry: JournalEntry): Promise<void> {
    if (entry.task.id === this.refused) throw internal("the disk refuses this one");
    await super.save(entry);
  }

  override async sync(): Promise<void> {
    this.syncs += 1;
  }
}

const entry = (id: string, state: "READY" | "RUNNING"): JournalEntry => ({ task: assignedTask(id), status: { state } });

test("many changes are brought to safety at once, of each task the newest", async () => {
  const journal = new CountingJournal();
  const writer = new JournalWriter({ journal, log: silentLogger() });
  for (const state of ["READY", "RUNNING"] as const) for (const id of ["t1", "t2", "t3"]) writer.save(entry(id, state));
  writer.forget("t3");
  await writer.flush();
  expect((await journal.load()).map(({ task, status }) => [task.id, status.state])).toEqual([
    ["t1", "RUNNING"],
    ["t2", "RUNNING"],
  ]);
  expect(journal.syncs).toBe(1);
  await writer.flush();
  expect(journal.syncs).toBe(1);
});

test("a task that cannot be written does not keep the others from it", async () => {
  const journal = new CountingJournal();
  journal.refused = "t1";
  const writer = new JournalWriter({ journal, log: silentLogger() });
  for (const id of ["t1", "t2"]) writer.save(entry(id, "READY"));
  await writer.flush();
  expect((await journal.load()).map(({ task }) => task.id)).toEqual(["t2"]);
  expect(journal.syncs).toBe(1);
});
