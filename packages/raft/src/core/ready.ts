// What the core asks of its driver.
import type { Entry, HardState, RaftId, RaftMessage, Snapshot } from "./messages.ts";

export type Role = "follower" | "pre-candidate" | "candidate" | "leader";

/** Who leads, from this member's point of view. */
export interface Leadership {
  readonly role: Role;
  /** `noRaftId` while no leader is known. */
  readonly leaderId: RaftId;
  readonly term: number;
}

/** What must reach the disk, in one atomic synced write; every part may be missing. */
export interface Persist {
  /** Missing when neither term nor vote changed and nothing else is written: a new commit index alone is not worth a sync. */
  readonly hardState?: HardState;
  /** Consecutive; they replace whatever the disk holds at their first index and after it. */
  readonly entries: readonly Entry[];
  /** Received from the leader: replaces the whole log on disk (`entries` follow it). */
  readonly snapshot?: Snapshot;
}

/**
 * Obligations since the last ready. The driver, in this order:
 *
 * 1. sends `sendAtOnce` (it need not wait for the disk; step 2 may run beside it);
 * 2. writes `persist`, synced; nothing to do when `needsPersist` is false;
 * 3. sends `sendAfterPersist`;
 * 4. restores the state machine from `persist.snapshot`, when there is one;
 * 5. applies `apply` in order, calling `RaftCore.applyConfChange` for each conf-change entry;
 * 6. calls `RaftCore.advance(ready)`;
 * 7. where `needsSnapshot`, takes a snapshot of the state machine now (place and voters from `RaftCore.snapshotMeta()`)
 *    and hands it over by `RaftCore.keepSnapshot`, as it does from time to time anyway.
 *
 * Between `takeReady` and `advance` the core accepts ticks, messages and proposals; they collect for the next ready.
 * Source: etcd raft `Ready`; votes and answers wait for the disk (thesis 3.8), a leader's appends need not (10.2.1).
 */
export interface Ready {
  readonly persist: Persist;
  readonly needsPersist: boolean;
  /** A leader's appends, heartbeats and snapshots. */
  readonly sendAtOnce: readonly RaftMessage[];
  /** Requests for votes, votes, and answers: a promise that the disk must keep. */
  readonly sendAfterPersist: readonly RaftMessage[];
  /** Committed entries, in order, each exactly once per start. */
  readonly apply: readonly Entry[];
  /** A follower needs a snapshot, and there is none yet that names it as a voter: repeated until `keepSnapshot` brings one. */
  readonly needsSnapshot: boolean;
  /** Only when it changed. */
  readonly leadership?: Leadership;
}
