// The wire's objects are the product's objects: their types are the generated ones, everywhere.

export {
  confChangeCodec,
  internalRaftRequestCodec,
  maybeEncryptedRecordCodec,
  raftEntryCodec,
  raftMemberCodec,
  raftMessageCodec,
  raftSnapshotCodec,
  snapshotCodec,
  storeActionCodec,
  storeSnapshotCodec,
  taskCodec,
} from "./codecs.ts";
export type * as google from "./generated/google.ts";
export type * as mswarm from "./generated/mswarm.ts";
export type * as raftpb from "./generated/raftpb.ts";
export type * from "./generated/swarmkit.ts";
export { type Codec, codecOf, type FieldCounter, loaderOptions, requestFieldCounter } from "./schema.ts";
export { type Handlers, type ServiceName, serviceNames, serviceOf } from "./services.ts";
export { taskStateNumbers } from "./task-state-numbers.ts";
