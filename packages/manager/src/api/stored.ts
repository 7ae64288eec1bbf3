// Reading and changing one stored object on behalf of a request.
import { alreadyExists, invalidArgument, isSwarmError, notFound, type SwarmError } from "@mswarm/runtime";
import type { ReadTransaction, Store, StoredObject, Table } from "@mswarm/store";
import type { Version } from "@mswarm/wire";
import { type NameFilters, necessaryNames } from "./filters.ts";

/** The text of a request that lacks what it needs. */
export const incomplete = (): SwarmError => invalidArgument("invalid argument");

/** The object with this id. Errors: NOT_FOUND `<table> <id> not found`. */
export function existing<T extends StoredObject>(tx: ReadTransaction, table: Table<T>, id: string): T {
  const object = tx.get(table, id);
  if (object === undefined) throw notFound(`${table.name} ${id} not found`);
  return object;
}

/**
 * All objects that are chosen, ordered by id.
 *
 * @param filters  those that `chosen` goes by: clients ask for one object by its name often, and need not wait for all
 */
export function listed<T extends StoredObject>(
  store: Store,
  table: Table<T>,
  chosen: (object: T) => boolean,
  filters?: NameFilters,
): T[] {
  const names = table.indexes.includes("name") ? necessaryNames(filters) : undefined;
  return store
    .view((tx) => (names === undefined ? [...tx.all(table)] : named(tx, table, names)).filter(chosen))
    .sort(byId);
}

const named = <T extends StoredObject>(tx: ReadTransaction, table: Table<T>, names: ReadonlySet<string>): T[] =>
  [...names].flatMap((name) => tx.by(table, "name", name));

export const byId = (left: StoredObject, right: StoredObject): number =>
  (left.id ?? "") < (right.id ?? "") ? -1 : (left.id ?? "") > (right.id ?? "") ? 1 : 0;

/** The object as the client read it: its version is the client's, so that a stale one is refused by the store. */
export const asRead = <T extends StoredObject>(object: T, version: Version): T => ({
  ...object,
  meta: { ...object.meta, version },
});

/** Waits for a creation; a taken name gets `text`. Errors: ALREADY_EXISTS. */
export async function withNameText<T>(creation: Promise<T>, text: (stored: string) => string): Promise<T> {
  try {
    return await creation;
  } catch (error) {
    if (isSwarmError(error, "ALREADY_EXISTS")) throw alreadyExists(text(error.message), { cause: error });
    throw error;
  }
}
