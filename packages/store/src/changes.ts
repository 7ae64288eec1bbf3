// What a commit did, in order.

import type { Database } from "./database.ts";
import type { StoredObject, Table } from "./table.ts";
import { allTables } from "./tables.ts";

export type ChangeKind = "create" | "update" | "remove";

/** One object created, replaced or removed by a commit. */
export interface Change<T extends StoredObject = StoredObject> {
  readonly table: Table<T>;
  readonly kind: ChangeKind;
  /** The object after the change; for a removal the object that is gone. */
  readonly object: T;
  /** The object before the change; undefined for a creation. */
  readonly previous: T | undefined;
}

/** True when `change` is about an object of `table`; narrows its type. */
export function isChangeOf<T extends StoredObject>(change: Change, table: Table<T>): change is Change & Change<T> {
  return change.table.name === table.name;
}

/** The changes of one table, in order. */
export function changesOf<T extends StoredObject>(changes: readonly Change[], table: Table<T>): readonly Change<T>[] {
  return changes.filter((change): change is Change & Change<T> => isChangeOf(change, table));
}

const stampOf = (object: StoredObject): string =>
  `${object.meta?.version?.index ?? "0"}/${object.meta?.updatedAt?.seconds ?? "0"}/${object.meta?.updatedAt?.nanos ?? 0}`;

/** The changes that lead from one state to another. Objects with the same version and time of change are the same. */
export function differences(from: Database, to: Database): readonly Change[] {
  const changes: Change[] = [];
  for (const table of allTables) {
    for (const object of from.all(table)) {
      if (to.get(table, object.id ?? "") === undefined)
        changes.push({ table, kind: "remove", object, previous: object });
    }
    for (const object of to.all(table)) {
      const previous = from.get(table, object.id ?? "");
      if (previous === undefined) changes.push({ table, kind: "create", object, previous });
      else if (stampOf(previous) !== stampOf(object)) changes.push({ table, kind: "update", object, previous });
    }
  }
  return changes;
}
