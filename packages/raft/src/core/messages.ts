// The vocabulary of the core: log entries, what must survive a crash, and the messages between members.
// Terms and indexes are numbers (they stay far below 2^53); raft ids do not fit and are decimal strings.

/** A member's raft id: a decimal uint64 without leading zeros. */
export type RaftId = string;

/** Stands for "nobody", as 0 does on the wire: no vote given, no leader known. */
export const noRaftId: RaftId = "0";

/** One record of the replicated log. Immutable; the core keeps what it is given. */
export interface Entry {
  readonly term: number;
  readonly index: number;
  readonly type: "normal" | "conf-change";
  /** Absent only in the empty entry with which a leader begins its term: absent, never zero bytes long. */
  readonly data: Buffer | undefined;
}

/** What a member must find again after a crash, apart from its log. */
export interface HardState {
  readonly term: number;
  /** Whom this member voted for in `term`; `noRaftId` for nobody. */
  readonly vote: RaftId;
  /** Highest index known to be committed when this was written; may lag behind the truth, never ahead of it. */
  readonly commit: number;
}

/** Where a snapshot stands in the log, and who the voters were at that point. */
export interface SnapshotMeta {
  readonly index: number;
  readonly term: number;
  readonly voters: readonly RaftId[];
}

/** A snapshot: its place and the bytes of the state machine. */
export interface Snapshot {
  readonly meta: SnapshotMeta;
  readonly data: Buffer;
}

/** A change of the voters, carried by a `conf-change` entry (etcd's ConfChange v1). */
export interface ConfChange {
  /** The proposer's request id, a decimal uint64; opaque to the core. */
  readonly id: string;
  readonly type: "add" | "remove" | "update";
  readonly raftId: RaftId;
  /** The member's record (a RaftMember); absent on removal. Opaque to the core. */
  readonly context: Buffer | undefined;
}

/** Every kind of message a peer may send, in etcd's words. */
export type MessageType =
  | "app"
  | "app-resp"
  | "vote"
  | "vote-resp"
  | "pre-vote"
  | "pre-vote-resp"
  | "heartbeat"
  | "heartbeat-resp"
  | "snap"
  | "timeout-now"
  | "prop";

/** One message between members; fields that a type does not use are zero or empty. Source: raftpb.Message. */
export interface RaftMessage {
  readonly type: MessageType;
  readonly to: RaftId;
  readonly from: RaftId;
  readonly term: number;
  /** app: term of the entry before `entries`; votes: term of the candidate's last entry; rejected app: term at `rejectHint` (0 from etcd 3.3). */
  readonly logTerm: number;
  /** app: index before `entries`; app-resp: last index stored, or the rejected one; votes: the candidate's last index. */
  readonly index: number;
  readonly entries: readonly Entry[];
  readonly commit: number;
  readonly reject: boolean;
  /** Rejected app: the highest index at which the follower's log may agree. */
  readonly rejectHint: number;
  /** heartbeat: echoed in the answer; vote: `CampaignTransfer` when the leader asked for the election. */
  readonly context?: Buffer;
  /** snap only. */
  readonly snapshot?: Snapshot;
}
