import type { Entry, RaftId } from "../core/messages.ts";

/** A manager as the members of the group know it. */
export interface Member {
  readonly raftId: RaftId;
  readonly nodeId: string;
  /** `host:port` that every other member can reach. */
  readonly address: string;
}

/** Who takes part, and who never may again: a removed raft id is not reused. */
export interface ClusterMembership {
  readonly members: readonly Member[];
  readonly removed: readonly RaftId[];
}

/** What the log is applied to; whatever its methods throw stops the node. */
export interface StateMachine {
  /** Committed entries, in order, each exactly once per start; only those of type `normal` that carry data. */
  apply(entries: readonly Entry[]): void;
  /**
   * The whole state as it is at the call, with the membership it stands beside; encoding it may take its time, in which
   * entries are applied.
   */
  snapshot(membership: ClusterMembership): Promise<Buffer>;
  /** Replaces the whole state by a snapshot, and says which membership it holds. */
  restore(data: Buffer): ClusterMembership;
}
