// A StoreSnapshot is the wire's list of all objects; the lists are named after the tables, in the plural.
import type { StoreSnapshot } from "@mswarm/wire";
import { Database } from "./database.ts";
import type { StoredObject, TableName } from "./table.ts";
import { allTables } from "./tables.ts";

const listOf = {
  node: "nodes",
  service: "services",
  task: "tasks",
  network: "networks",
  cluster: "clusters",
  secret: "secrets",
  config: "configs",
  extension: "extensions",
  resource: "resources",
  volume: "volumes",
} as const satisfies Record<TableName, keyof StoreSnapshot>;

const byId = (left: StoredObject, right: StoredObject): number =>
  (left.id ?? "") < (right.id ?? "") ? -1 : (left.id ?? "") > (right.id ?? "") ? 1 : 0;

export function saveSnapshot(state: Database): StoreSnapshot {
  const lists: Record<string, readonly StoredObject[]> = {};
  for (const table of allTables) {
    const objects = [...state.all(table)].sort(byId);
    if (objects.length > 0) lists[listOf[table.name]] = objects;
  }
  return lists as StoreSnapshot;
}

/** The rules of rules.ts are not asked: a snapshot is a state that has been accepted. */
export function loadSnapshot(snapshot: StoreSnapshot, seal: <T>(object: T) => T): Database {
  const state = Database.empty();
  for (const table of allTables) {
    for (const object of snapshot[listOf[table.name]] ?? []) state.rows(table).put(seal(object));
  }
  return state;
}
