import type { Entry, HardState } from "../core/messages.ts";
import { encodeBatch, hashOf, noHash, type StoredSnapshot } from "./batch-record.ts";
import { keys, type LogDatabase } from "./log-database.ts";
import { firstAnchor, type LogAnchor, type RetainedBatch } from "./log-image.ts";
import { type Recovery, sealAnchor } from "./log-recovery.ts";
import { emptyHardState } from "./log-store.ts";
import type { RecordCipher } from "./record-cipher.ts";

interface Put {
  readonly type: "put";
  readonly key: Buffer;
  readonly value: Buffer;
}

/** What one batch holds. */
export interface BatchContent {
  readonly hardState?: HardState | undefined;
  readonly entries: readonly Entry[];
  readonly snapshot?: StoredSnapshot | undefined;
}

/** The chain of batches in the database, and its two ends. Calls must not overlap. */
export class BatchLog {
  readonly #database: LogDatabase;
  readonly #cipher: RecordCipher;
  #anchor: LogAnchor;
  #retained: RetainedBatch[] = [];
  #hash: Buffer = noHash;
  sequence = 0;
  hardState: HardState = emptyHardState;
  snapshot: StoredSnapshot | undefined;

  /** @param recovery  absent for a new log, which then needs `create` */
  constructor(parts: { database: LogDatabase; cipher: RecordCipher }, recovery?: Recovery) {
    this.#database = parts.database;
    this.#cipher = parts.cipher;
    this.#anchor = recovery?.anchor ?? firstAnchor;
    if (recovery === undefined) return;
    const { image } = recovery;
    this.#retained = recovery.retained;
    this.#hash = image.hash;
    this.sequence = image.sequence;
    this.hardState = image.hardState ?? emptyHardState;
    this.snapshot = image.snapshot;
  }

  /** The first, empty batch of a new log, together with the anchor. */
  create(): Promise<void> {
    return this.append({ entries: [] }, [
      { type: "put", key: keys.anchor, value: sealAnchor(this.#cipher, this.#anchor) },
    ]);
  }

  /** @param also  written in the same atomic write */
  async append(content: BatchContent, also: readonly Put[] = []): Promise<void> {
    const sequence = this.sequence + 1;
    const { hardState = this.hardState, snapshot, entries } = content;
    const plain = encodeBatch({ sequence, previousHash: this.#hash, hardState, snapshot, entries });
    const value = this.#cipher.seal({ kind: "batch", index: sequence }, plain);
    await this.#database.batch([...also, { type: "put", key: keys.batch(sequence), value }], { sync: true });
    this.sequence = sequence;
    this.#hash = hashOf(plain);
    this.hardState = hardState;
    if (snapshot !== undefined) this.snapshot = snapshot;
    if (snapshot?.replacesLog) for (const earlier of this.#retained) earlier.lastIndex = 0;
    this.#retained.push({
      sequence,
      hash: this.#hash,
      lastIndex: entries.at(-1)?.index ?? 0,
      holdsSnapshot: snapshot !== undefined,
    });
  }

  /** Deletes the oldest batches as long as they hold nothing behind `index`, nor the newest snapshot, nor the end. */
  async compact(index: number): Promise<void> {
    if (index <= this.#anchor.compactedIndex) return;
    const newestSnapshot = this.#retained.findLastIndex((batch) => batch.holdsSnapshot);
    const needed = this.#retained.findIndex((batch, at) => batch.lastIndex > index || at === newestSnapshot);
    const count = needed === -1 ? this.#retained.length - 1 : needed;
    const previousHash = this.#retained[count - 1]?.hash ?? this.#anchor.previousHash;
    const sequence = this.#retained[count]?.sequence ?? this.#anchor.sequence;
    const anchor = { sequence, previousHash, compactedIndex: index };
    // The anchor first: batches before it are ignored at load, whether or not the deletion got through.
    await this.#database.put(keys.anchor, sealAnchor(this.#cipher, anchor), { sync: true });
    this.#anchor = anchor;
    this.#retained = this.#retained.slice(count);
    await this.clearBeforeAnchor();
  }

  async clearBeforeAnchor(): Promise<void> {
    await this.#database.clear({ gte: keys.batch(0), lt: keys.batch(this.#anchor.sequence) });
  }
}
