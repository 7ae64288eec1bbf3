// All tables together. Writes here are unconditional; what is allowed is in rules.ts.
import { invariant } from "@mswarm/runtime";
import type { Change } from "./changes.ts";
import { IndexedRows, OverlayRows, type Rows } from "./rows.ts";
import type { StoredObject, Table } from "./table.ts";
import { allTables } from "./tables.ts";
import type { ReadTransaction } from "./transaction.ts";

export class Database implements ReadTransaction {
  readonly #rows = new Map<string, Rows<StoredObject>>();
  readonly #base: Database | undefined;

  private constructor(base: Database | undefined) {
    this.#base = base;
  }

  static empty(): Database {
    const database = new Database(undefined);
    for (const table of allTables) database.#rows.set(table.name, new IndexedRows(table));
    return database;
  }

  /** A database that begins as `base` and keeps its own writes. Costs nothing for tables that are not looked at. */
  static over(base: Database): Database {
    return new Database(base);
  }

  rows<T extends StoredObject>(table: Table<T>): Rows<T> {
    const rows = this.#rows.get(table.name) as Rows<T> | undefined;
    if (rows !== undefined) return rows;
    invariant(this.#base !== undefined, "store: no such table", { table: table.name });
    const overlay = new OverlayRows(this.#base.rows(table));
    this.#rows.set(table.name, overlay);
    return overlay;
  }

  get<T extends StoredObject>(table: Table<T>, id: string): T | undefined {
    return this.rows(table).get(id);
  }

  by<T extends StoredObject>(table: Table<T>, index: string, key: string): readonly T[] {
    return this.rows(table).by(index, key);
  }

  all<T extends StoredObject>(table: Table<T>): Iterable<T> {
    return this.rows(table).all();
  }

  count<T extends StoredObject>(table: Table<T>): number {
    return this.rows(table).size;
  }

  idsByPrefix<T extends StoredObject>(table: Table<T>, prefix: string): readonly string[] {
    const found: string[] = [];
    for (const id of this.rows(table).ids()) if (id.startsWith(prefix)) found.push(id);
    return found.sort();
  }

  /** Carries out one change. */
  write(change: Change): void {
    if (change.kind === "remove") this.rows(change.table).delete(change.object.id ?? "");
    else this.rows(change.table).put(change.object);
  }

  /** Takes back changes that were carried out here, newest first. */
  undo(changes: readonly Change[]): void {
    for (const { table, object, previous } of changes.toReversed()) {
      if (previous === undefined) this.rows(table).delete(object.id ?? "");
      else this.rows(table).put(previous);
    }
  }
}
