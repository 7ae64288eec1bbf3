// Reads the batches of a log in order and says what state they add up to. Pure; the disk is somebody else's.
import type { Entry, HardState } from "../core/messages.ts";
import { type BatchRecord, noHash, type StoredSnapshot } from "./batch-record.ts";
import { damagedLog } from "./damage.ts";

/** Where the retained part of the chain begins. */
export interface LogAnchor {
  /** Sequence number of the first batch that must be there. */
  readonly sequence: number;
  /** Hash of the batch before it. */
  readonly previousHash: Buffer;
  /** Entries up to here are forgotten. */
  readonly compactedIndex: number;
}

export const firstAnchor: LogAnchor = { sequence: 1, previousHash: noHash, compactedIndex: 0 };

/** What must be known of each retained batch to delete it later. */
export interface RetainedBatch {
  readonly sequence: number;
  readonly hash: Buffer;
  /** Highest index of its entries; 0 without entries, or when a later snapshot replaced them. */
  lastIndex: number;
  readonly holdsSnapshot: boolean;
}

/** The state that a chain of batches adds up to. Errors: DATA_LOSS, with the index from which on the log is damaged. */
export class LogImage {
  hardState: HardState | undefined;
  snapshot: StoredSnapshot | undefined;
  entries: Entry[] = [];
  sequence: number;
  hash: Buffer;
  readonly #anchor: LogAnchor;

  constructor(anchor: LogAnchor) {
    this.#anchor = anchor;
    this.sequence = anchor.sequence - 1;
    this.hash = anchor.previousHash;
  }

  /** Index of the last entry, or of the snapshot where it ends the log. */
  get lastIndex(): number {
    return this.entries.at(-1)?.index ?? Math.max(this.#anchor.compactedIndex, this.snapshot?.meta.index ?? 0);
  }

  /** Adds the next batch; `hash` is that of its encoded form. */
  add(batch: BatchRecord, hash: Buffer): void {
    if (batch.sequence !== this.sequence + 1) {
      throw damagedLog(
        `batches ${this.sequence + 1} to ${batch.sequence - 1} are missing, but later ones are there`,
        this.lastIndex + 1,
      );
    }
    if (!batch.previousHash.equals(this.hash)) {
      throw damagedLog(`batch ${batch.sequence} does not continue the batch before it`, this.lastIndex + 1);
    }
    this.sequence = batch.sequence;
    this.hash = hash;
    this.hardState = batch.hardState;
    if (batch.snapshot !== undefined) this.#addSnapshot(batch.snapshot);
    this.#addEntries(batch.entries, batch.sequence);
  }

  #addSnapshot(snapshot: StoredSnapshot): void {
    this.snapshot = snapshot;
    if (snapshot.replacesLog) this.entries = [];
  }

  #addEntries(entries: readonly Entry[], sequence: number): void {
    const first = entries[0];
    if (first === undefined) return;
    const begin = this.entries[0]?.index;
    if (begin !== undefined && first.index <= this.lastIndex) this.entries.length = Math.max(0, first.index - begin);
    if (first.index > this.lastIndex + 1) {
      throw damagedLog(
        `batch ${sequence} begins with entry ${first.index}, but the log ends at ${this.lastIndex}`,
        this.lastIndex + 1,
      );
    }
    let expected = first.index;
    for (const entry of entries) {
      if (entry.index !== expected) throw damagedLog(`batch ${sequence} has a hole at entry ${expected}`, expected);
      expected += 1;
      // Batches at the beginning of the chain may hold entries that were compacted since.
      if (entry.index > this.#anchor.compactedIndex) this.entries.push(entry);
    }
  }

  /** Checks that the parts fit together, after the last batch. */
  finish(): void {
    const start = this.snapshot?.meta.index ?? 0;
    const first = this.entries[0];
    if (this.#anchor.compactedIndex > start) {
      throw damagedLog(`entries up to ${this.#anchor.compactedIndex} were compacted, but there is no snapshot`, 1);
    }
    if (first !== undefined && first.index > start + 1) {
      throw damagedLog(`entries ${start + 1} to ${first.index - 1} are missing behind the snapshot`, start + 1);
    }
    const last = this.entries.at(-1)?.index ?? start;
    if (last < (this.hardState?.commit ?? 0)) {
      throw damagedLog(`entry ${this.hardState?.commit} is committed, but the log ends at ${last}`, last + 1);
    }
  }
}
