// Rows of one table with their indexes: the committed ones, and an overlay of uncommitted writes on top of them.
import { invariant } from "@mswarm/runtime";
import type { IndexKeys, StoredObject, Table } from "./table.ts";

export interface Rows<T extends StoredObject> {
  readonly table: Table<T>;
  readonly size: number;
  get(id: string): T | undefined;
  by(index: string, key: string): readonly T[];
  all(): Iterable<T>;
  ids(): Iterable<string>;
  put(object: T): void;
  delete(id: string): void;
}

const keyList = (keys: IndexKeys): readonly string[] =>
  keys === undefined ? [] : typeof keys === "string" ? [keys] : keys;

const sameKeys = (left: IndexKeys, right: IndexKeys): boolean =>
  left === right ||
  (Array.isArray(left) &&
    Array.isArray(right) &&
    left.length === right.length &&
    left.every((key, position) => key === right[position]));

type Index = Map<string, Set<string>>;

/** Rows in hash maps. An index is built when it is first asked for, and kept in step with every write from then on. */
export class IndexedRows<T extends StoredObject> implements Rows<T> {
  readonly table: Table<T>;
  readonly #rows = new Map<string, T>();
  readonly #indexes = new Map<string, Index>();

  constructor(table: Table<T>) {
    this.table = table;
  }

  get size(): number {
    return this.#rows.size;
  }

  get(id: string): T | undefined {
    return this.#rows.get(id);
  }

  by(index: string, key: string): readonly T[] {
    const found: T[] = [];
    for (const id of this.#index(index).get(key) ?? []) {
      const object = this.#rows.get(id);
      if (object !== undefined) found.push(object);
    }
    return found;
  }

  all(): Iterable<T> {
    return this.#rows.values();
  }

  ids(): Iterable<string> {
    return this.#rows.keys();
  }

  put(object: T): void {
    const id = object.id ?? "";
    const before = this.#rows.get(id);
    this.#rows.set(id, object);
    for (const [index, entries] of this.#indexes) {
      const keys = this.table.keys(index, object);
      const oldKeys = before === undefined ? undefined : this.table.keys(index, before);
      if (sameKeys(keys, oldKeys)) continue;
      for (const key of keyList(oldKeys)) removeFrom(entries, key, id);
      for (const key of keyList(keys)) addTo(entries, key, id);
    }
  }

  delete(id: string): void {
    const before = this.#rows.get(id);
    if (before === undefined) return;
    this.#rows.delete(id);
    for (const [index, entries] of this.#indexes) {
      for (const key of keyList(this.table.keys(index, before))) removeFrom(entries, key, id);
    }
  }

  #index(name: string): Index {
    const known = this.#indexes.get(name);
    if (known !== undefined) return known;
    invariant(this.table.indexes.includes(name), "store: no such index", { table: this.table.name, index: name });
    const entries: Index = new Map();
    for (const [id, object] of this.#rows)
      for (const key of keyList(this.table.keys(name, object))) addTo(entries, key, id);
    this.#indexes.set(name, entries);
    return entries;
  }
}

function addTo(entries: Index, key: string, id: string): void {
  const ids = entries.get(key);
  if (ids === undefined) entries.set(key, new Set([id]));
  else ids.add(id);
}

function removeFrom(entries: Index, key: string, id: string): void {
  const ids = entries.get(key);
  ids?.delete(id);
  if (ids?.size === 0) entries.delete(key);
}

/** Writes on top of other rows, which stay as they are. Answers are copies, so that a loop may write while it reads. */
export class OverlayRows<T extends StoredObject> implements Rows<T> {
  readonly table: Table<T>;
  readonly #base: Rows<T>;
  readonly #written: IndexedRows<T>;
  /** Ids for which the overlay answers: written here, or deleted here. */
  readonly #touched = new Set<string>();
  #size: number;

  constructor(base: Rows<T>) {
    this.table = base.table;
    this.#base = base;
    this.#written = new IndexedRows(base.table);
    this.#size = base.size;
  }

  get size(): number {
    return this.#size;
  }

  get(id: string): T | undefined {
    return this.#touched.has(id) ? this.#written.get(id) : this.#base.get(id);
  }

  by(index: string, key: string): readonly T[] {
    const below = this.#base.by(index, key);
    if (this.#touched.size === 0) return below;
    return [...below.filter((object) => !this.#touched.has(object.id ?? "")), ...this.#written.by(index, key)];
  }

  all(): Iterable<T> {
    const found: T[] = [];
    for (const object of this.#base.all()) if (!this.#touched.has(object.id ?? "")) found.push(object);
    found.push(...this.#written.all());
    return found;
  }

  *ids(): Iterable<string> {
    for (const id of this.#base.ids()) if (!this.#touched.has(id)) yield id;
    yield* this.#written.ids();
  }

  put(object: T): void {
    const id = object.id ?? "";
    if (this.get(id) === undefined) this.#size += 1;
    this.#touched.add(id);
    this.#written.put(object);
  }

  delete(id: string): void {
    if (this.get(id) === undefined) return;
    this.#size -= 1;
    this.#touched.add(id);
    this.#written.delete(id);
  }
}
