export { bootstrapState, emptyState, type RaftConfig, type RecoveredState, raftDefaults } from "./core/config.ts";
export {
  type ConfChange,
  type Entry,
  type HardState,
  type MessageType,
  noRaftId,
  type RaftId,
  type RaftMessage,
  type Snapshot,
  type SnapshotMeta,
} from "./core/messages.ts";
export type { ProgressState } from "./core/progress.ts";
export { RaftCore } from "./core/raft-core.ts";
export type { Leadership, Persist, Ready, Role } from "./core/ready.ts";
export type { FollowerStatus, RaftStatus } from "./core/status.ts";
export { KeyRing } from "./disk/key-ring.ts";
export { LevelLogStore, type LevelLogStoreOptions } from "./disk/level-log-store.ts";
export type { LogStore, RecoveredLog, StoredIdentity, StoredMember } from "./disk/log-store.ts";
export { type MemoryDisk, MemoryLogStore, memoryDisk } from "./disk/memory-log-store.ts";
export { decodeConfChange, encodeConfChange, encodeMember } from "./node/conf-change-codec.ts";
export type { LeadershipListener, LeadershipState } from "./node/leadership.ts";
export { lostLeadership } from "./node/proposals.ts";
export { RaftNode } from "./node/raft-node.ts";
export { proposalBytesMax, type RaftNodeOptions, type RaftNodeParts } from "./node/raft-node-options.ts";
export type { RaftStart } from "./node/raft-start.ts";
export type { ClusterMembership, Member, StateMachine } from "./node/state-machine.ts";
export type { Transport, TransportListener } from "./node/transport.ts";
