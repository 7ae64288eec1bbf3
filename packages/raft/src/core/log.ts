// The log tail since the last compaction, in memory: every question about it is answered at once.
import { dataLoss, invariant } from "@mswarm/runtime";
import type { RecoveredState } from "./config.ts";
import type { Entry, Snapshot } from "./messages.ts";

/** A place in the log. */
export interface LogPosition {
  readonly index: number;
  readonly term: number;
}

/**
 * Invariants: `firstIndex − 1 ≤ applied ≤ committed ≤ lastIndex` (applied may lag behind firstIndex − 1 only while a
 * received snapshot waits to be restored); `persisted ≤ taken ≤ lastIndex`; `snapshot.index ≥ firstIndex − 1`.
 */
export class RaftLog {
  /** Entries behind `#base`: the one with index i is at i − #base.index − 1. */
  #entries: Entry[] = [];
  /** The last compacted entry, of which only the place is still known. */
  #base: LogPosition = { index: 0, term: 0 };
  #taken: number;
  #persisted: number;
  #committed: number;
  #applied: number;
  #snapshot: Snapshot | undefined;
  #received: Snapshot | undefined;

  /** @throws DATA_LOSS when the recovered parts do not fit together */
  constructor(recovered: RecoveredState) {
    this.#snapshot = recovered.snapshot;
    this.#recoverEntries(recovered.entries);
    this.#applied = this.#snapshot?.meta.index ?? 0;
    this.#committed = Math.max(recovered.hardState?.commit ?? 0, this.#applied);
    this.#taken = this.lastIndex;
    this.#persisted = this.lastIndex;
    if (this.#committed > this.lastIndex) {
      throw dataLoss(
        `raft: the recovered log ends at index ${this.lastIndex}, but entries up to ${this.#committed} were committed`,
      );
    }
  }

  get firstIndex(): number {
    return this.#base.index + 1;
  }
  get lastIndex(): number {
    return this.#base.index + this.#entries.length;
  }
  get lastTerm(): number {
    return this.#entries.at(-1)?.term ?? this.#base.term;
  }
  get committed(): number {
    return this.#committed;
  }
  get applied(): number {
    return this.#applied;
  }
  /** Highest index that is surely on this member's disk. */
  get persisted(): number {
    return this.#persisted;
  }
  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }
  /** A snapshot from the leader that the driver has not finished restoring. */
  get receivedSnapshot(): Snapshot | undefined {
    return this.#received;
  }
  get hasUnpersisted(): boolean {
    return this.#taken < this.lastIndex;
  }

  /** The term at `index`; 0 at index 0, undefined where compacted or not there yet. */
  termAt(index: number): number | undefined {
    if (index === this.#base.index) return this.#base.term;
    return this.#entries[index - this.#base.index - 1]?.term;
  }

  holds(place: LogPosition): boolean {
    return this.termAt(place.index) === place.term;
  }

  /** Thesis 3.6.1: the later last term wins, then the longer log. */
  isUpToDate(candidate: LogPosition): boolean {
    return candidate.term > this.lastTerm || (candidate.term === this.lastTerm && candidate.index >= this.lastIndex);
  }

  /** Entries from `from` up to and including `to`, cut at about `bytesMax` bytes but at least one. */
  slice(from: number, to: number, bytesMax: number): readonly Entry[] {
    const start = from - this.#base.index - 1;
    const end = Math.min(to - this.#base.index, this.#entries.length);
    invariant(start >= 0, "raft: compacted entries were asked for", { from, firstIndex: this.firstIndex });
    let bytes = 0;
    let position = start;
    for (; position < end; position += 1) {
      bytes += sizeOf(this.#entries[position]);
      if (bytes > bytesMax && position > start) break;
    }
    return this.#entries.slice(start, position);
  }

  /** Appends the leader's own next entry and returns its index. */
  append(term: number, type: Entry["type"], data: Buffer | undefined): number {
    const index = this.lastIndex + 1;
    this.#entries.push({ term, index, type, data });
    return index;
  }

  /**
   * Takes entries from the leader that follow `previous`: those already here are skipped, the first that differs
   * replaces the rest of the log.
   *
   * @returns the last index known to agree with the leader, or undefined when `previous` is not in this log
   */
  appendAfter(previous: LogPosition, entries: readonly Entry[]): number | undefined {
    if (!this.holds(previous)) return undefined;
    const firstNew = entries.findIndex((entry) => !this.holds(entry));
    if (firstNew >= 0) this.#replaceFrom(entries.slice(firstNew));
    return previous.index + entries.length;
  }

  #replaceFrom(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    invariant(first.index > this.#committed, "raft: a committed entry would be replaced", {
      index: first.index,
      committed: this.#committed,
    });
    this.#entries.length = first.index - this.#base.index - 1;
    this.#taken = Math.min(this.#taken, first.index - 1);
    this.#persisted = Math.min(this.#persisted, first.index - 1);
    for (const entry of entries) this.#entries.push(entry);
  }

  /** The highest place at or before `index` whose term is not above `term`; term 0 where it is compacted. */
  latestNotAbove(index: number, term: number): LogPosition {
    for (let at = Math.min(index, this.lastIndex); at >= this.#base.index; at -= 1) {
      const found = this.termAt(at);
      if (found !== undefined && found <= term) return { index: at, term: found };
    }
    return { index: Math.max(0, Math.min(index, this.#base.index - 1)), term: 0 };
  }

  /** Moves the commit index forward; never back. */
  commitTo(index: number): void {
    if (index <= this.#committed) return;
    invariant(index <= this.lastIndex, "raft: commit beyond the end of the log", { index, lastIndex: this.lastIndex });
    this.#committed = index;
  }

  /** Entries that were not handed to the disk yet. */
  takeUnpersisted(): readonly Entry[] {
    const entries = this.hasUnpersisted ? this.#entries.slice(this.#taken - this.#base.index) : [];
    this.#taken = this.lastIndex;
    return entries;
  }

  /** The disk now holds everything up to `place`, unless the log was rewritten meanwhile (then it says nothing about the new entries). */
  persistedTo(place: LogPosition): void {
    if (this.holds(place)) this.#persisted = Math.max(this.#persisted, place.index);
  }

  get hasUnapplied(): boolean {
    return this.#received === undefined && this.#applied < this.#committed;
  }

  /** Committed entries to apply next, in order. */
  unapplied(bytesMax: number): readonly Entry[] {
    return this.hasUnapplied ? this.slice(this.#applied + 1, this.#committed, bytesMax) : [];
  }

  /** True when a committed membership change waits to be applied. */
  get hasUnappliedConfChange(): boolean {
    for (let index = this.#applied + 1; index <= this.#committed; index += 1) {
      if (this.#entries[index - this.#base.index - 1]?.type === "conf-change") return true;
    }
    return false;
  }

  appliedTo(index: number): void {
    invariant(index <= this.#committed, "raft: applied beyond the commit", { index, committed: this.#committed });
    this.#applied = Math.max(this.#applied, index);
  }

  /** Replaces the whole log by a snapshot from the leader. */
  restore(snapshot: Snapshot): void {
    this.#base = { index: snapshot.meta.index, term: snapshot.meta.term };
    this.#entries = [];
    this.#committed = snapshot.meta.index;
    this.#taken = snapshot.meta.index;
    this.#persisted = snapshot.meta.index;
    this.#snapshot = snapshot;
    this.#received = snapshot;
  }

  /** The state machine now stands at `snapshot`. */
  restored(snapshot: Snapshot): void {
    if (this.#received === snapshot) this.#received = undefined;
    this.appliedTo(snapshot.meta.index);
  }

  /** Remembers a snapshot taken here; an older one than the last is ignored. */
  keepSnapshot(snapshot: Snapshot): void {
    invariant(snapshot.meta.index <= this.#applied, "raft: a snapshot of entries that were not applied", {
      index: snapshot.meta.index,
      applied: this.#applied,
    });
    if (snapshot.meta.index >= (this.#snapshot?.meta.index ?? 0)) this.#snapshot = snapshot;
  }

  /** Forgets entries up to and including `index`, which the last snapshot must cover. */
  compact(index: number): void {
    if (index <= this.#base.index) return;
    const covered = this.#snapshot?.meta.index ?? 0;
    invariant(index <= Math.min(covered, this.#applied), "raft: compaction beyond the last snapshot", {
      index,
      covered,
      applied: this.#applied,
    });
    const term = this.termAt(index);
    invariant(term !== undefined, "raft: compaction beyond the end of the log", { index });
    this.#entries = this.#entries.slice(index - this.#base.index);
    this.#base = { index, term };
  }

  #recoverEntries(entries: readonly Entry[]): void {
    const meta = this.#snapshot?.meta;
    if (meta !== undefined) this.#base = { index: meta.index, term: meta.term };
    const first = entries[0];
    if (first === undefined) return;
    entries.forEach((entry, position) => {
      if (entry.index !== first.index + position) {
        throw dataLoss(`raft: the recovered log has a gap before index ${entry.index}`);
      }
    });
    if (first.index > this.#base.index + 1) {
      throw dataLoss(`raft: the recovered log begins at index ${first.index}, behind a gap after ${this.#base.index}`);
    }
    if (meta === undefined || first.index === this.#base.index + 1) {
      this.#entries = [...entries];
      return;
    }
    // Entries from before the snapshot serve slow followers, if they lead up to it; otherwise they are of an older log.
    if (entries[meta.index - first.index]?.term !== meta.term) return;
    this.#base = { index: first.index, term: first.term };
    this.#entries = entries.slice(1);
  }
}

/** About what an entry takes on the wire, beside its data. */
const entryOverhead = 16;

function sizeOf(entry: Entry | undefined): number {
  return entryOverhead + (entry?.data?.length ?? 0);
}
