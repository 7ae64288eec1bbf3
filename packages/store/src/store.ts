// The replicated state in memory: typed tables, transactions through a proposer, watch, snapshot. Knows no Raft.
import { type Clock, type Instant, invariant, type Logger, type Random, SwarmError } from "@mswarm/runtime";
import type { StoreSnapshot } from "@mswarm/wire";
import { type Change, differences } from "./changes.ts";
import { Database } from "./database.ts";
import { type DecodedAction, decodeRequest, entryBytesMax, requestIdOf } from "./entry.ts";
import { deepFreeze } from "./freeze.ts";
import { Leadership, lostLeadership } from "./leadership.ts";
import type { Proposer } from "./proposer.ts";
import { requestIds } from "./request-ids.ts";
import { checkChange } from "./rules.ts";
import { loadSnapshot, saveSnapshot } from "./snapshot.ts";
import type { StoredObject, Table } from "./table.ts";
import type { ReadTransaction, Transaction, WriteTransaction } from "./transaction.ts";
import { type ChangeListener, Watchers } from "./watchers.ts";

export interface StoreParts {
  readonly clock: Clock;
  readonly random: Random;
  /** Told of entries that cannot be applied; silent where absent. */
  readonly log?: Logger;
  /** Freezes every stored object, so that a write to one throws. Default: in tests. */
  readonly freeze?: boolean;
}

// Source: swarmkit manager/state/store/memory.go, MaxChangesPerTransaction and Batch.Update.
const batchChangesMax = 200;
const batchBytesMax = (entryBytesMax * 3) / 4;

/**
 * Reads are synchronous and see what is committed. Writes work while `lead` is in force: a callback produces changes,
 * which are proposed as one log entry and become visible, and are watched, when that entry comes back through
 * `applyEntry`.
 */
export class Store {
  readonly #clock: Clock;
  readonly #log: Logger | undefined;
  readonly #seal: <T>(object: T) => T;
  readonly #nextRequestId: () => number;
  readonly #watchers = new Watchers();
  #database = Database.empty();
  #leadership: Leadership | undefined;
  #version = 0;

  constructor(parts: StoreParts) {
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#nextRequestId = requestIds(parts.clock, parts.random);
    const freeze = parts.freeze ?? process.env["NODE_ENV"] === "test";
    this.#seal = freeze ? deepFreeze : (object) => object;
  }

  /**
   * Grows with every commit, and is at least the highest version of an object. Orders the commits of this store;
   * other managers may count differently.
   */
  get version(): number {
    return this.#version;
  }

  get isLeading(): boolean {
    return this.#leadership !== undefined;
  }

  /** From now on updates are proposed to `proposer`. Every entry of the own log must have been applied. */
  lead(proposer: Proposer): void {
    this.follow();
    this.#leadership = new Leadership({
      proposer,
      committed: () => this.#database,
      now: () => Math.floor(this.#clock.now()) as Instant,
      nextRequestId: this.#nextRequestId,
      lastVersion: () => this.#version,
      seal: this.#seal,
    });
  }

  /** From now on updates are refused; those that wait or are in flight are rejected (the latter may yet commit). */
  follow(): void {
    this.#leadership?.end();
    this.#leadership = undefined;
  }

  /** Reads what is committed. `read` is synchronous; the transaction is not to be kept. */
  view<R>(read: (tx: ReadTransaction) => R): R {
    return read(this.#database);
  }

  /**
   * Runs `change` in a transaction and resolves with its result when the changes are committed. `change` is
   * synchronous and runs later, once; when it throws, nothing is changed and the error is passed on. Changing nothing
   * proposes nothing.
   * Errors: FAILED_PRECONDITION when not leading or leadership is lost (the changes may then commit all the same),
   * UNAVAILABLE when it is lost before `change` ran,
   * UNKNOWN `raft: raft message is too large and can't be sent` beyond 1.5 MiB, and those of the transaction.
   */
  update<R>(change: (tx: WriteTransaction) => R): Promise<R> {
    return this.#update(change);
  }

  /**
   * Runs `change` for every item in as few transactions as the limits allow (200 changes or 1.1 MiB each), one after
   * the other. Each item is atomic, the batch is not: when an item throws, its transaction is dropped, later items are
   * not tried, and the transactions before stay. Other writers may come in between.
   */
  async batch<T>(items: readonly T[], change: (tx: WriteTransaction, item: T) => void): Promise<void> {
    const rest = [...items].reverse();
    while (rest.length > 0) {
      const done = await this.#update((tx) => {
        let count = 0;
        while (count < rest.length && tx.changes.length < batchChangesMax && tx.size < batchBytesMax) {
          change(tx, rest[rest.length - 1 - count] as T);
          count += 1;
        }
        return count;
      });
      rest.length -= done;
    }
  }

  /**
   * A committed log entry; empty ones do nothing. All its actions are carried out or, when one of them fails, none:
   * then it is logged and the log goes on, as on a SwarmKit manager.
   * Errors: DATA_LOSS when it cannot be decoded.
   */
  applyEntry(data: Buffer): void {
    const requestId = requestIdOf(data);
    const own = this.#leadership?.changesOf(requestId, data);
    const changes: Change[] = [];
    let failure: SwarmError | undefined;
    try {
      this.#applyAll(own ?? decodeRequest(data), changes);
    } catch (error) {
      this.#database.undo(changes);
      if (!(error instanceof SwarmError) || error.code === "DATA_LOSS") throw error;
      failure = error;
      this.#log?.error({ err: error, requestId }, "a log entry could not be applied and was left out");
    }
    if (own !== undefined) this.#leadership?.applied(requestId, failure);
    if (failure === undefined && changes.length > 0) this.#committed(changes);
  }

  /**
   * Calls `listener` after each commit, synchronously and in order, with its changes (those of `tables` where given;
   * not at all when there are none) and the store's version. Returns the function that ends the watch.
   * A restore arrives as one list of the differences between the old and the new state.
   */
  watch(listener: ChangeListener, tables?: readonly Table<StoredObject>[]): () => void {
    return this.#watchers.add(listener, tables);
  }

  /** Everything, each table ordered by id: equal stores give equal snapshots. */
  save(): StoreSnapshot {
    return saveSnapshot(this.#database);
  }

  /** Replaces everything. Watchers see the differences. Not while leading. */
  restore(snapshot: StoreSnapshot): void {
    invariant(this.#leadership === undefined, "store: a leader does not restore snapshots");
    const before = this.#database;
    this.#database = loadSnapshot(snapshot, this.#seal);
    const changes = differences(before, this.#database);
    if (changes.length > 0) this.#committed(changes);
  }

  #update<R>(change: (tx: Transaction) => R): Promise<R> {
    return this.#leadership?.update(change) ?? Promise.reject(lostLeadership());
  }

  #applyAll(actions: readonly DecodedAction[], changes: Change[]): void {
    for (const { table, kind, object } of actions) {
      const previous = this.#database.get(table, object.id ?? "");
      const change: Change =
        kind === "remove"
          ? { table, kind, object: previous ?? object, previous }
          : { table, kind, object: this.#seal(object), previous: kind === "create" ? undefined : previous };
      checkChange(this.#database, change);
      this.#database.write(change);
      changes.push(change);
    }
  }

  #committed(changes: readonly Change[]): void {
    let version = this.#version + 1;
    for (const { object } of changes) version = Math.max(version, Number(object.meta?.version?.index ?? 0));
    this.#version = version;
    this.#watchers.notify(changes, version);
  }
}
