// What a reader and a writer of the store can do.
import { type Instant, invariant, notFound, unknownError, wireTimestamp } from "@mswarm/runtime";
import type { Change } from "./changes.ts";
import type { Database } from "./database.ts";
import { encodeAction } from "./entry.ts";
import { checkChange } from "./rules.ts";
import type { StoredObject, Table } from "./table.ts";

/** A consistent view. Objects are shared and never changed: spread them into new ones. */
export interface ReadTransaction {
  get<T extends StoredObject>(table: Table<T>, id: string): T | undefined;
  /** Objects with `key` in `index`; the index must exist. In no stated order. */
  by<T extends StoredObject>(table: Table<T>, index: string, key: string): readonly T[];
  all<T extends StoredObject>(table: Table<T>): Iterable<T>;
  count<T extends StoredObject>(table: Table<T>): number;
  /** Ids that begin with `prefix`, in ascending order. */
  idsByPrefix<T extends StoredObject>(table: Table<T>, prefix: string): readonly string[];
}

/** A view that also writes; it sees its own writes. */
export interface WriteTransaction extends ReadTransaction {
  /**
   * Adds an object and sets its `meta`. Returns the object as stored.
   * Errors: ALREADY_EXISTS `object already exists`, `name conflicts with an existing object`.
   */
  create<T extends StoredObject>(table: Table<T>, object: T): T;
  /**
   * Replaces an object; its `meta.version` must be the stored one. Returns the object as stored.
   * Errors: UNKNOWN `update out of sequence`, NOT_FOUND `object does not exist`, ALREADY_EXISTS for a taken name.
   */
  update<T extends StoredObject>(table: Table<T>, object: T): T;
  /** Errors: NOT_FOUND `object does not exist`. */
  remove<T extends StoredObject>(table: Table<T>, id: string): void;
}

/** Writes into a database that takes them back on `rollback`, and remembers them as changes and as encoded actions. */
export class Transaction implements WriteTransaction {
  readonly changes: Change[] = [];
  readonly actions: Buffer[] = [];
  /** Bytes of the encoded actions. */
  size = 0;
  readonly #state: Database;
  readonly #version: string;
  readonly #now: Instant;
  readonly #seal: <T>(object: T) => T;

  /** @param seal  called with each stored object, for freezing it */
  constructor(state: Database, stamp: { version: number; now: Instant }, seal: <T>(object: T) => T) {
    this.#state = state;
    this.#version = String(stamp.version);
    this.#now = stamp.now;
    this.#seal = seal;
  }

  get<T extends StoredObject>(table: Table<T>, id: string): T | undefined {
    return this.#state.get(table, id);
  }

  by<T extends StoredObject>(table: Table<T>, index: string, key: string): readonly T[] {
    return this.#state.by(table, index, key);
  }

  all<T extends StoredObject>(table: Table<T>): Iterable<T> {
    return this.#state.all(table);
  }

  count<T extends StoredObject>(table: Table<T>): number {
    return this.#state.count(table);
  }

  idsByPrefix<T extends StoredObject>(table: Table<T>, prefix: string): readonly string[] {
    return this.#state.idsByPrefix(table, prefix);
  }

  create<T extends StoredObject>(table: Table<T>, object: T): T {
    invariant(object.id !== undefined && object.id !== "", "store: an object needs an id", { table: table.name });
    const time = wireTimestamp(this.#now);
    const meta = { version: { index: this.#version }, createdAt: time, updatedAt: time };
    return this.#write({ table, kind: "create", object: { ...object, meta }, previous: undefined });
  }

  update<T extends StoredObject>(table: Table<T>, object: T): T {
    const previous = this.#state.get(table, object.id ?? "");
    if (previous === undefined) throw notFound("object does not exist");
    if ((object.meta?.version?.index ?? "0") !== (previous.meta?.version?.index ?? "0")) {
      throw unknownError("update out of sequence");
    }
    const meta = { ...previous.meta, version: { index: this.#version }, updatedAt: wireTimestamp(this.#now) };
    return this.#write({ table, kind: "update", object: { ...object, meta }, previous });
  }

  remove<T extends StoredObject>(table: Table<T>, id: string): void {
    const previous = this.#state.get(table, id);
    if (previous === undefined) throw notFound("object does not exist");
    this.#write({ table, kind: "remove", object: previous, previous });
  }

  /** Takes back everything that was written. */
  rollback(): void {
    this.#state.undo(this.changes);
    this.changes.length = 0;
    this.actions.length = 0;
    this.size = 0;
  }

  #write<T extends StoredObject>(change: Change<T>): T {
    checkChange(this.#state, change);
    const action = encodeAction(change);
    this.#seal(change.object);
    this.#state.write(change);
    this.changes.push(change);
    this.actions.push(action);
    this.size += action.length;
    return change.object;
  }
}
