// What a member shows of itself.
import type { CoreState } from "./core-state.ts";
import type { RaftId } from "./messages.ts";
import type { ProgressState } from "./progress.ts";
import type { Role } from "./ready.ts";

/** How far one follower has come, from its leader's point of view. */
export interface FollowerStatus {
  readonly match: number;
  readonly next: number;
  readonly state: ProgressState;
  readonly recentlyActive: boolean;
}

export interface RaftStatus {
  readonly id: RaftId;
  readonly role: Role;
  readonly term: number;
  /** `noRaftId` for nobody, as in `leaderId`. */
  readonly vote: RaftId;
  readonly leaderId: RaftId;
  readonly commit: number;
  readonly applied: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
  /** Highest index on this member's disk. */
  readonly persisted: number;
  readonly snapshotIndex: number;
  readonly voters: readonly RaftId[];
  /** Of the other voters; empty unless leading. */
  readonly progress: ReadonlyMap<RaftId, FollowerStatus>;
}

export function statusOf(state: CoreState): RaftStatus {
  const { log, role } = state;
  const followers = role.kind === "leader" ? [...role.progress] : [];
  return {
    id: state.config.id,
    role: role.kind,
    term: state.term,
    vote: state.vote,
    leaderId: state.leaderId,
    commit: log.committed,
    applied: log.applied,
    firstIndex: log.firstIndex,
    lastIndex: log.lastIndex,
    persisted: log.persisted,
    snapshotIndex: log.snapshot?.meta.index ?? 0,
    voters: state.voters,
    progress: new Map(
      followers.map(([id, { match, next, state: stage, recentlyActive }]) => [
        id,
        { match, next, state: stage, recentlyActive },
      ]),
    ),
  };
}
