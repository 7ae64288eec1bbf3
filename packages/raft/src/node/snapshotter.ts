import type { RaftCore } from "../core/raft-core.ts";
import type { LogStore } from "../disk/log-store.ts";

export interface SnapshotOptions {
  /** A snapshot after so many applied entries. */
  readonly interval: number;
  /** Entries kept behind a snapshot, for followers that are a little behind. */
  readonly entriesKept: number;
}

export interface SnapshotterParts {
  readonly core: RaftCore;
  readonly store: LogStore;
  /** The state machine's payload as of the call. */
  readonly payload: () => Promise<Buffer>;
}

/** Takes snapshots of the state machine and shortens the log behind them. */
export class Snapshotter {
  readonly #options: () => SnapshotOptions;
  readonly #parts: SnapshotterParts;
  #lastIndex: number;
  #running: Promise<void> | undefined;

  /**
   * @param options  asked each time
   * @param lastIndex  where the newest snapshot on disk stands
   */
  constructor(options: () => SnapshotOptions, parts: SnapshotterParts, lastIndex: number) {
    this.#options = options;
    this.#parts = parts;
    this.#lastIndex = lastIndex;
  }

  /** The leader's snapshot took the place of ours. */
  restored(index: number): void {
    this.#lastIndex = index;
  }

  /**
   * Takes a snapshot when one is due, or `isNeeded` by a follower. To be called between readies. The state is
   * taken at once, encoding and writing go on in the returned promise, which fails as the disk does; undefined when there is nothing to do.
   */
  takeIfDue(isNeeded: boolean): Promise<void> | undefined {
    const { core } = this.#parts;
    const isDue = core.applied >= this.#lastIndex + this.#options().interval;
    if (!(isDue || isNeeded) || this.#running !== undefined || core.applied === 0) return undefined;
    this.#running = this.#take().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #take(): Promise<void> {
    const { core, store, payload } = this.#parts;
    const meta = core.snapshotMeta();
    const { index } = meta;
    this.#lastIndex = index;
    const snapshot = { meta, data: await payload() };
    // The leader's has overtaken it meanwhile.
    if (this.#lastIndex > index) return;
    await store.saveSnapshot(snapshot);
    core.keepSnapshot(snapshot);
    const upTo = Math.max(0, index - this.#options().entriesKept);
    core.compact(upTo);
    await store.compact(upTo);
  }
}
