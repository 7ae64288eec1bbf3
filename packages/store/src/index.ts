export { type Change, type ChangeKind, changesOf, isChangeOf } from "./changes.ts";
export { entryBytesMax } from "./entry.ts";
export type { Proposer } from "./proposer.ts";
export { configsOf, networksOf, networksOfTask, secretsOf } from "./references.ts";
export { Store, type StoreParts } from "./store.ts";
export { foldName, type StoredObject, type Table, type TableName } from "./table.ts";
export {
  allTables,
  clusters,
  configs,
  extensions,
  networks,
  nodes,
  resources,
  secrets,
  services,
  tasks,
  volumes,
} from "./tables.ts";
export type { ReadTransaction, WriteTransaction } from "./transaction.ts";
export type { ChangeListener } from "./watchers.ts";
