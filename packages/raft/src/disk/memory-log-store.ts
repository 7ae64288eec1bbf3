import { invariant } from "@mswarm/runtime";
import type { Entry, HardState, Snapshot } from "../core/messages.ts";
import type { Persist } from "../core/ready.ts";
import type { LogStore, RecoveredLog, StoredIdentity } from "./log-store.ts";

/** What a MemoryLogStore holds; it outlives the store, as a disk does. */
export interface MemoryDisk {
  identity: StoredIdentity | undefined;
  hardState: HardState | undefined;
  snapshot: Snapshot | undefined;
  entries: Entry[];
  /** Counts the writes that a real store would have synced. */
  writes: number;
}

export function memoryDisk(): MemoryDisk {
  return { identity: undefined, hardState: undefined, snapshot: undefined, entries: [], writes: 0 };
}

/** A log store without a disk, for tests. Whatever was written is found by the next store on the same MemoryDisk. */
export class MemoryLogStore implements LogStore {
  readonly #disk: MemoryDisk;

  constructor(disk: MemoryDisk = memoryDisk()) {
    this.#disk = disk;
  }

  async load(): Promise<RecoveredLog> {
    const { identity, hardState, snapshot, entries } = this.#disk;
    return { identity, hardState, snapshot, entries: [...entries] };
  }

  async saveIdentity(identity: StoredIdentity): Promise<void> {
    this.#disk.writes += 1;
    this.#disk.identity = identity;
  }

  async append(batch: Persist): Promise<void> {
    const disk = this.#disk;
    disk.writes += 1;
    if (batch.hardState !== undefined) disk.hardState = batch.hardState;
    if (batch.snapshot !== undefined) {
      disk.snapshot = batch.snapshot;
      disk.entries = [];
    }
    const first = batch.entries[0];
    if (first === undefined) return;
    const lastIndex = disk.entries.at(-1)?.index ?? disk.snapshot?.meta.index ?? 0;
    invariant(first.index <= lastIndex + 1, "entries leave no hole", { first: first.index, lastIndex });
    while ((disk.entries.at(-1)?.index ?? 0) >= first.index) disk.entries.pop();
    for (const entry of batch.entries) disk.entries.push(entry);
  }

  async saveSnapshot(snapshot: Snapshot): Promise<void> {
    this.#disk.writes += 1;
    if ((this.#disk.snapshot?.meta.index ?? 0) < snapshot.meta.index) this.#disk.snapshot = snapshot;
  }

  async readSnapshot(): Promise<Snapshot | undefined> {
    return this.#disk.snapshot;
  }

  async compact(index: number): Promise<void> {
    const newest = this.#disk.snapshot?.meta.index ?? 0;
    invariant(index <= newest, "only what a snapshot covers can be compacted", { index, newest });
    this.#disk.entries = this.#disk.entries.filter((entry) => entry.index > index);
  }

  async rekey(): Promise<void> {
    // Nothing is sealed in memory.
  }

  async close(): Promise<void> {
    // The disk outlives the store.
  }
}
