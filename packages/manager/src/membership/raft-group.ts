// What membership needs of the Raft node. The Raft package implements it; tests have a small fake.
import type { Member, RaftId } from "@mswarm/raft";

/** The Raft group as this manager sees and, while it leads, changes it. */
export interface RaftGroup {
  /** This manager's own id. */
  readonly raftId: RaftId;
  /** False before this manager has joined, and after it was removed. */
  isMember(): boolean;
  /** True when this manager leads and has applied its own log. */
  isLeader(): boolean;
  members(): readonly Member[];
  /** A removed id is never used again. */
  isRemoved(raftId: RaftId): boolean;
  /** True when enough of the other members can be reached to go on without this one. */
  canRemove(raftId: RaftId): boolean;
  addMember(member: Member): Promise<void>;
  /** Changes the address of a member. */
  updateMember(member: Member): Promise<void>;
  /** Errors: FAILED_PRECONDITION when the quorum could be lost. */
  removeMember(raftId: RaftId): Promise<void>;
  /** Hands leadership to another member; which one is the Raft node's choice. */
  transferLeadership(): void | Promise<void>;
}
