// Which changes are refused. A follower must refuse exactly what a SwarmKit follower refuses, or the stores diverge.
// Source: swarmkit manager/state/store (memory.go, extensions.go, resources.go); wire reference 5.7.
import { alreadyExists, failedPrecondition, notFound, type SwarmError, unknownError } from "@mswarm/runtime";
import type { Extension, Resource } from "@mswarm/wire";
import { type Change, changesOf } from "./changes.ts";
import { foldName } from "./table.ts";
import { allTables, extensions, resources } from "./tables.ts";
import type { ReadTransaction } from "./transaction.ts";

const tableNames: ReadonlySet<string> = new Set(allTables.map((table) => table.name));

/**
 * Throws when `change` may not be carried out on `state`. Versions are not looked at: that is the writer's business.
 * Errors: ALREADY_EXISTS (id or name taken), NOT_FOUND (no such object), UNKNOWN (kind unregistered),
 * FAILED_PRECONDITION (extensions).
 */
export function checkChange(state: ReadTransaction, change: Change): void {
  const id = change.object.id ?? "";
  const exists = state.get(change.table, id) !== undefined;
  if (change.kind === "create") {
    checkName(state, change);
    if (exists) throw alreadyExists("object already exists");
  } else if (!exists) {
    throw notFound("object does not exist");
  } else if (change.kind === "update" && change.table.name !== resources.name) {
    // SwarmKit looks at the name of a resource only when it is created.
    checkName(state, change);
  }
  for (const each of changesOf([change], extensions)) checkExtension(state, each);
  for (const each of changesOf([change], resources)) checkKind(state, each);
}

function checkName(state: ReadTransaction, { table, object }: Change): void {
  const name = table.uniqueName(object);
  if (name === undefined) return;
  if (state.by(table, "name", foldName(name)).some((other) => other.id !== object.id)) throw nameConflict();
}

function checkExtension(state: ReadTransaction, { kind, object }: Change<Extension>): void {
  if (kind === "update") throw failedPrecondition("extensions are immutable");
  if (kind === "create" && tableNames.has(object.annotations?.name ?? "")) throw nameConflict();
  // A removal may carry an old object: only its id counts.
  const stored = state.get(extensions, object.id ?? "");
  if (kind === "remove" && state.by(resources, "kind", stored?.annotations?.name ?? "").length > 0) {
    throw failedPrecondition("cannot delete extension because objects of this type exist in the data store");
  }
}

function checkKind(state: ReadTransaction, { kind, object }: Change<Resource>): void {
  if (kind !== "remove" && state.by(extensions, "name", foldName(object.kind ?? "")).length === 0) {
    throw unknownError("object kind is unregistered");
  }
}

const nameConflict = (): SwarmError => alreadyExists("name conflicts with an existing object");
