// What a table is: a name on the wire, an identity and its indexes. The tables themselves are in tables.ts.
import type {
  Cluster,
  Config,
  Extension,
  Network,
  Node,
  Resource,
  Secret,
  Service,
  StoreAction,
  Task,
  Volume,
} from "@mswarm/wire";

/** Every kind of object that the replicated state holds. */
export type StoredObject = Node | Service | Task | Network | Cluster | Secret | Config | Extension | Resource | Volume;

/** The member of a `StoreAction` that carries the objects of a table; a snapshot has the plural. */
export type TableName = NonNullable<StoreAction["target"]>;

/** Keys of an object in one index: none, one or several. */
export type IndexKeys = string | readonly string[] | undefined;

/**
 * One kind of object. Tables are compared by identity; there is one constant for each.
 */
export interface Table<T extends StoredObject = StoredObject> {
  readonly name: TableName;
  /** The names that `by` accepts. */
  readonly indexes: readonly string[];
  /** The name that must be unique (compared without case); undefined where names are free. */
  uniqueName(object: T): string | undefined;
  /** Keys of `object` in `index`; undefined where it does not appear in it. */
  keys(index: string, object: T): IndexKeys;
}

interface TableDefinition<T extends StoredObject> {
  readonly name: TableName;
  /** Where present, the name is unique and makes the index `name`. */
  readonly uniqueName?: (object: T) => string;
  readonly indexes?: Readonly<Record<string, (object: T) => IndexKeys>>;
}

/** Makes a table from its definition; the index `name` (lower case) comes with a unique name. */
export function defineTable<T extends StoredObject>(definition: TableDefinition<T>): Table<T> {
  const { name, uniqueName } = definition;
  const indexes = new Map(Object.entries(definition.indexes ?? {}));
  if (uniqueName !== undefined) indexes.set("name", (object) => foldName(uniqueName(object)));
  return {
    name,
    indexes: [...indexes.keys()],
    uniqueName: (object) => uniqueName?.(object),
    keys: (index, object) => indexes.get(index)?.(object),
  };
}

/**
 * A name as it is compared: lower case, code point by code point.
 * Differs from `String.toLowerCase` where that looks at the neighbours (a final sigma), because Go managers do not,
 * and a different verdict about one name would make the stores of a cluster diverge.
 */
export function foldName(name: string): string {
  if (/^[\x20-\x7e]*$/.test(name)) return name.toLowerCase();
  return Array.from(name, (character) => (character === "\u0130" ? "i" : character.toLowerCase())).join("");
}
