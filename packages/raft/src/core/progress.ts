// What a leader knows of one follower. Every move between the three states is made here.
import { Inflights } from "./inflights.ts";

/**
 * probe: the follower's log is not known; one append at a time.
 * replicate: it is; appends are sent without waiting, up to the in-flight limit.
 * snapshot: a snapshot is on its way; nothing else is sent.
 */
export type ProgressState = "probe" | "replicate" | "snapshot";

/** Invariant: `match < next`. */
export class Progress {
  #state: ProgressState = "probe";
  /** Highest index known to be on the follower's disk. */
  #match = 0;
  /** First index to send next. */
  #next: number;
  /** Index of the snapshot on its way. */
  #snapshotIndex = 0;
  /** True while the leader must hear from the follower before it sends another append. */
  #paused = false;
  /** True when an append is due even if it carries nothing new: to learn whether earlier ones arrived. */
  #owesAppend = true;
  /** Highest commit index that was sent along with appends. */
  #sentCommit = 0;
  readonly #inflights: Inflights;
  /** Heard of since the last check of the quorum. */
  recentlyActive: boolean;

  constructor(next: number, inflightMax: number, recentlyActive = false) {
    this.#next = next;
    this.#inflights = new Inflights(inflightMax);
    this.recentlyActive = recentlyActive;
  }

  get state(): ProgressState {
    return this.#state;
  }
  get match(): number {
    return this.#match;
  }
  get next(): number {
    return this.#next;
  }

  /** True when an append (perhaps an empty one) should leave now. */
  wantsAppend(lastIndex: number, committed: number): boolean {
    if (this.#paused || this.#state === "snapshot") return false;
    if (this.#owesAppend || this.#next <= lastIndex) return true;
    return this.#sentCommit < Math.min(committed, this.#next - 1);
  }

  /** False when the window is full: then an append may go out empty, as a probe. */
  get mayCarryEntries(): boolean {
    return this.#state !== "replicate" || !this.#inflights.isFull;
  }

  sentAppend(entries: number, commit: number): void {
    this.#owesAppend = false;
    if (this.#state === "probe") {
      this.#paused = true;
    } else {
      if (entries > 0) {
        this.#next += entries;
        this.#inflights.add(this.#next - 1);
      }
      this.#paused = this.#inflights.isFull;
    }
    this.#sentCommit = Math.max(this.#sentCommit, Math.min(commit, this.#next - 1));
  }

  sentSnapshot(index: number): void {
    this.#enter("snapshot");
    this.#snapshotIndex = index;
    this.#next = index + 1;
  }

  /** Waits for a sign of life: there is something to send, but not now. */
  pause(): void {
    this.#enter("probe");
    this.#paused = true;
  }

  /**
   * The follower has stored everything up to `index`.
   *
   * @param firstIndex  of the leader's log: a follower that reached it needs no snapshot any more
   */
  accepted(index: number, firstIndex: number): void {
    if (index < this.#match || (index === this.#match && this.#state !== "probe")) return;
    this.#match = index;
    this.#next = Math.max(this.#next, index + 1);
    if (this.#state === "replicate") {
      this.#inflights.freeTo(index);
      this.#paused = false;
    } else if (this.#state === "probe" || index + 1 >= firstIndex) {
      this.#enter("replicate");
      this.#next = index + 1;
    }
  }

  /**
   * The follower has no entry like ours at `rejected`; it may agree at `hint`. Stale answers change nothing.
   * Source: etcd raft Progress.MaybeDecrTo.
   */
  rejected(rejected: number, hint: number): void {
    if (this.#state === "replicate") {
      if (rejected <= this.#match) return;
      this.#enter("probe");
      this.#next = this.#match + 1;
      return;
    }
    if (this.#state === "snapshot" || this.#next - 1 !== rejected) return;
    this.#next = Math.max(Math.min(rejected, hint + 1), this.#match + 1);
    this.#paused = false;
    this.#owesAppend = true;
    this.#sentCommit = 0;
  }

  /** A heartbeat was answered: appends may have been lost, so ask again if anything is missing there. */
  heartbeatAnswered(lastIndex: number): void {
    this.recentlyActive = true;
    this.#paused = false;
    if (this.#match < lastIndex || this.#state === "probe") this.#owesAppend = true;
  }

  unreachable(): void {
    if (this.#state !== "replicate") return;
    this.#enter("probe");
    this.#next = this.#match + 1;
  }

  /** The transport delivered the snapshot or gave up; either way the follower's next sign of life decides. */
  snapshotFinished(delivered: boolean): void {
    if (this.#state !== "snapshot") return;
    const reached = delivered ? Math.max(this.#match, this.#snapshotIndex) : this.#match;
    this.pause();
    this.#next = reached + 1;
  }

  #enter(state: ProgressState): void {
    this.#state = state;
    this.#paused = false;
    this.#owesAppend = state === "probe";
    this.#snapshotIndex = 0;
    this.#sentCommit = Math.min(this.#sentCommit, this.#match);
    this.#inflights.clear();
  }
}
