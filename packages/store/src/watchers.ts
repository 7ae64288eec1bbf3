import type { Change } from "./changes.ts";
import type { StoredObject, Table } from "./table.ts";

export type ChangeListener = (changes: readonly Change[], version: number) => void;

interface Watcher {
  readonly listener: ChangeListener;
  readonly tables: ReadonlySet<string> | undefined;
}

/** Listeners of a store, called in the order in which they came. */
export class Watchers {
  readonly #watchers = new Set<Watcher>();

  add(listener: ChangeListener, tables?: readonly Table<StoredObject>[]): () => void {
    const watcher = { listener, tables: tables === undefined ? undefined : new Set(tables.map((table) => table.name)) };
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  notify(changes: readonly Change[], version: number): void {
    for (const { listener, tables } of [...this.#watchers]) {
      const wanted = tables === undefined ? changes : changes.filter((change) => tables.has(change.table.name));
      if (wanted.length > 0) listener(wanted, version);
    }
  }
}
