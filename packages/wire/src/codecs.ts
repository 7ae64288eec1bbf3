// Codecs of the messages that are stored or carried as bytes inside other messages.
import type * as raftpb from "./generated/raftpb.ts";
import type * as swarmkit from "./generated/swarmkit.ts";
import { type Codec, codecOf } from "./schema.ts";

/** Payload of a normal Raft log entry. */
export const internalRaftRequestCodec: Codec<swarmkit.InternalRaftRequest> = codecOf(
  "docker.swarmkit.v1.InternalRaftRequest",
);
/** One change in an InternalRaftRequest. */
export const storeActionCodec: Codec<swarmkit.StoreAction> = codecOf("docker.swarmkit.v1.StoreAction");
/** Payload of a Raft snapshot. */
export const snapshotCodec: Codec<swarmkit.Snapshot> = codecOf("docker.swarmkit.v1.Snapshot");
/** The `store` of a snapshot alone: encodings of parts of it, one after another, are the encoding of the whole. */
export const storeSnapshotCodec: Codec<swarmkit.StoreSnapshot> = codecOf("docker.swarmkit.v1.StoreSnapshot");
/** Context of a membership change. */
export const raftMemberCodec: Codec<swarmkit.RaftMember> = codecOf("docker.swarmkit.v1.RaftMember");
/** A wrapped key in the headers of swarm-node.key. */
export const maybeEncryptedRecordCodec: Codec<swarmkit.MaybeEncryptedRecord> = codecOf(
  "docker.swarmkit.v1.MaybeEncryptedRecord",
);
export const taskCodec: Codec<swarmkit.Task> = codecOf("docker.swarmkit.v1.Task");
export const raftMessageCodec: Codec<raftpb.Message> = codecOf("raftpb.Message");
export const raftEntryCodec: Codec<raftpb.Entry> = codecOf("raftpb.Entry");
export const confChangeCodec: Codec<raftpb.ConfChange> = codecOf("raftpb.ConfChange");
export const raftSnapshotCodec: Codec<raftpb.Snapshot> = codecOf("raftpb.Snapshot");
