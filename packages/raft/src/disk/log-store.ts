import type { RecoveredState } from "../core/config.ts";
import type { HardState, RaftId, Snapshot } from "../core/messages.ts";
import type { Persist } from "../core/ready.ts";

/** A member as the log store remembers it. */
export interface StoredMember {
  readonly raftId: RaftId;
  readonly nodeId: string;
  readonly address: string;
}

/** Who this log belongs to, and whom it knew when it joined: addresses only, the configuration is in the log. */
export interface StoredIdentity {
  readonly self: StoredMember;
  readonly members: readonly StoredMember[];
}

/** What `load` found; hard state, snapshot and identity are absent in a log that has none yet. */
export interface RecoveredLog extends RecoveredState {
  readonly identity: StoredIdentity | undefined;
}

/**
 * Durable storage of one Raft member. All calls that write are done in the order they were made; after one of them has
 * failed every later one fails with the same error, because a disk that lost one write can be trusted with none.
 * Entries and snapshots that are passed in belong to the store until the returned promise settles.
 *
 * Errors: DATA_LOSS when what is stored cannot be trusted, FAILED_PRECONDITION when somebody else has it open or a key
 * is missing, RESOURCE_EXHAUSTED when the disk is full, UNAVAILABLE for any other failure of the disk.
 */
export interface LogStore {
  /** Reads and checks everything. Once, before any other call. */
  load(): Promise<RecoveredLog>;
  /** Writes who this log belongs to; first call on an empty log. */
  saveIdentity(identity: StoredIdentity): Promise<void>;
  /** One synced write, however many entries. Entries replace whatever is stored at their first index and behind it. */
  append(batch: Persist): Promise<void>;
  /** Keeps a snapshot this member took itself; the entries stay until `compact`. Older snapshots are deleted. */
  saveSnapshot(snapshot: Snapshot): Promise<void>;
  /** The newest snapshot. */
  readSnapshot(): Promise<Snapshot | undefined>;
  /** Forgets entries up to and including `index`, which must not lie beyond the newest snapshot. */
  compact(index: number): Promise<void>;
  /** Seals everything under the newest data key, and removes what other keys had sealed from the disk. */
  rekey(): Promise<void>;
  /** Waits for running writes. Idempotent. */
  close(): Promise<void>;
}

/** The hard state of a log that has none yet. */
export const emptyHardState: HardState = { term: 0, vote: "0", commit: 0 };
