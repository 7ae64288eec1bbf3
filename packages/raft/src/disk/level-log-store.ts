import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { invariant, type Random } from "@mswarm/runtime";
import type { Snapshot } from "../core/messages.ts";
import type { Persist } from "../core/ready.ts";
import { BatchLog } from "./batch-log.ts";
import type { StoredSnapshot } from "./batch-record.ts";
import { HardStateFile } from "./hard-state-file.ts";
import type { KeyRing } from "./key-ring.ts";
import { diskError, keys, type LogDatabase, openDatabase, rewriteFiles } from "./log-database.ts";
import { type Recovery, recover, sealIdentity } from "./log-recovery.ts";
import type { LogStore, RecoveredLog, StoredIdentity } from "./log-store.ts";
import { RecordCipher } from "./record-cipher.ts";
import { resealSlice } from "./resealing.ts";
import { readChunks, writeChunks } from "./snapshot-chunks.ts";
import { TailMark } from "./tail-mark.ts";
import { WriteQueue } from "./write-queue.ts";

export interface LevelLogStoreOptions {
  /** The raft directory; made (0700) when missing. */
  readonly directory: string;
  readonly keys: KeyRing;
  /** For nonces. */
  readonly random: Random;
}

interface Parts {
  readonly database: LogDatabase;
  readonly cipher: RecordCipher;
  readonly hardStateFile: HardStateFile;
  readonly tailMark: TailMark;
  readonly writes: WriteQueue;
}

/**
 * The encrypted log on `level`. Each append is one sealed record in one synced batch; the records form a chain, so that
 * a hole, a lost end or a foreign record stops the start instead of changing history.
 */
export class LevelLogStore implements LogStore {
  readonly #parts: Parts;
  /** Snapshots and key changes: they take long, and appends go on meanwhile. */
  readonly #longWrites: WriteQueue = new WriteQueue();
  #log: BatchLog | undefined;
  #snapshotNumber = 0;
  #closing: Promise<void> | undefined;

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Opens or makes the log. Errors: FAILED_PRECONDITION when it is in use, DATA_LOSS, RESOURCE_EXHAUSTED, UNAVAILABLE. */
  static async open(options: LevelLogStoreOptions): Promise<LevelLogStore> {
    const { directory } = options;
    const writes = new WriteQueue();
    const cipher = new RecordCipher(options.keys, options.random);
    let database: LogDatabase | undefined;
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      database = await openDatabase(join(directory, "log"));
      const tailMark = await TailMark.open(join(directory, "tail"), (error) =>
        writes.fail(diskError("marking the end of the log", error)),
      );
      const hardStateFile = new HardStateFile(join(directory, "hard-state"), cipher);
      return new LevelLogStore({ database, cipher, hardStateFile, tailMark, writes });
    } catch (error) {
      // Whoever tries again would find it in use.
      await database?.close();
      throw diskError(`opening ${directory}`, error);
    }
  }

  get #batches(): BatchLog {
    invariant(this.#log !== undefined, "the log store has not been loaded");
    return this.#log;
  }

  async load(): Promise<RecoveredLog> {
    invariant(this.#log === undefined, "a log store is loaded once");
    const recovery = await this.#parts.writes.run("reading the log", () => this.#recover());
    const log = this.#batches;
    const isUnused = log.hardState.term === 0 && log.hardState.commit === 0;
    return {
      identity: recovery?.identity,
      hardState: isUnused ? undefined : log.hardState,
      snapshot: await this.readSnapshot(),
      entries: recovery?.image.entries ?? [],
    };
  }

  async #recover(): Promise<Recovery | undefined> {
    const recovery = await recover(this.#parts);
    this.#log = new BatchLog(this.#parts, recovery);
    if (recovery === undefined) await this.#log.create();
    if (recovery?.fileIsBehind !== false) await this.#repeatHardState();
    this.#parts.tailMark.write(this.#log.sequence);
    await this.#log.clearBeforeAnchor();
    this.#snapshotNumber = await this.#clearUnusedChunks();
    return recovery;
  }

  async #repeatHardState(): Promise<void> {
    const { hardState, sequence } = this.#batches;
    await this.#parts.hardStateFile.write({ term: hardState.term, vote: hardState.vote, sequence });
  }

  /** Chunks of older snapshots, and of one that a crash interrupted. Returns the highest number in use. */
  async #clearUnusedChunks(): Promise<number> {
    const number = this.#batches.snapshot?.number ?? 0;
    const { database } = this.#parts;
    await database.clear({ gte: keys.snapshot(0), lt: keys.snapshot(number) });
    await database.clear({ gte: keys.snapshot(number + 1), lt: keys.end });
    return number;
  }

  saveIdentity(identity: StoredIdentity): Promise<void> {
    const { database, cipher, writes } = this.#parts;
    return writes.run("writing the identity", () =>
      database.put(keys.identity, sealIdentity(cipher, identity), { sync: true }),
    );
  }

  append(batch: Persist): Promise<void> {
    const { hardState, entries, snapshot } = batch;
    return this.#parts.writes.run("appending", async () => {
      if (hardState === undefined && entries.length === 0 && snapshot === undefined) return;
      const previous = this.#batches.hardState;
      const stored = snapshot === undefined ? undefined : await this.#writeChunks(snapshot, true);
      await this.#append({ hardState, entries, snapshot: stored });
      const isVote = hardState !== undefined && (hardState.term !== previous.term || hardState.vote !== previous.vote);
      if (isVote) await this.#repeatHardState();
      if (stored !== undefined) await this.#clearOlderChunks(stored);
    });
  }

  async #append(content: Parameters<BatchLog["append"]>[0]): Promise<void> {
    await this.#batches.append(content);
    this.#parts.tailMark.write(this.#batches.sequence);
  }

  #writeChunks(snapshot: Snapshot, replacesLog: boolean): Promise<StoredSnapshot> {
    this.#snapshotNumber += 1;
    return writeChunks(this.#parts, { ...snapshot, number: this.#snapshotNumber, replacesLog });
  }

  #clearOlderChunks(newest: StoredSnapshot): Promise<void> {
    return this.#parts.database.clear({ gte: keys.snapshot(0), lt: keys.snapshot(newest.number) });
  }

  saveSnapshot(snapshot: Snapshot): Promise<void> {
    return this.#longWrites.run("writing a snapshot", async () => {
      const stored = await this.#writeChunks(snapshot, false);
      await this.#parts.writes.run("recording a snapshot", async () => {
        const current = this.#batches.snapshot;
        // A snapshot of the leader may have overtaken this one; its chunks go when the next is written.
        if (current !== undefined && current.meta.index >= snapshot.meta.index) return;
        await this.#append({ entries: [], snapshot: stored });
        await this.#clearOlderChunks(stored);
      });
    });
  }

  async readSnapshot(): Promise<Snapshot | undefined> {
    for (;;) {
      const stored = this.#batches.snapshot;
      if (stored === undefined) return undefined;
      try {
        return { meta: stored.meta, data: await readChunks(this.#parts, stored) };
      } catch (error) {
        // A newer snapshot may have replaced this one while it was being read.
        if (stored === this.#batches.snapshot) throw diskError("reading the snapshot", error);
      }
    }
  }

  compact(index: number): Promise<void> {
    return this.#parts.writes.run("compacting", async () => {
      const newest = this.#batches.snapshot?.meta.index ?? 0;
      invariant(index <= newest, "only what a snapshot covers can be compacted", { index, newest });
      await this.#batches.compact(index);
    });
  }

  rekey(): Promise<void> {
    return this.#longWrites.run("changing the data key", async () => {
      const { database, writes } = this.#parts;
      let at: Buffer | undefined = Buffer.of(0);
      while (at !== undefined) {
        const from: Buffer = at;
        at = await writes.run("sealing records again", () => resealSlice(this.#parts, from));
      }
      await writes.run("sealing the hard state again", () => this.#repeatHardState());
      await rewriteFiles(database);
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#longWrites.close();
    await this.#parts.writes.close();
    await this.#parts.tailMark.close();
    await this.#parts.database.close();
  }
}
