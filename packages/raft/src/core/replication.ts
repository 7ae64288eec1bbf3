// The sending end of replication: what a leader's followers still need.
import { invariant } from "@mswarm/runtime";
import { type CoreState, type LeaderRole, send } from "./core-state.ts";
import type { RaftId } from "./messages.ts";
import type { Progress } from "./progress.ts";
import { majorityIndex } from "./quorum.ts";

/** Sends each follower what it is missing. Called once per ready, so that whatever came since the last travels together. */
export function replicate(state: CoreState, leader: LeaderRole): void {
  const { log } = state;
  for (const [to, progress] of leader.progress) {
    while (progress.wantsAppend(log.lastIndex, log.committed)) sendAppend(state, to, progress);
  }
}

export function hasToReplicate(state: CoreState, leader: LeaderRole): boolean {
  for (const progress of leader.progress.values()) {
    if (progress.wantsAppend(state.log.lastIndex, state.log.committed)) return true;
  }
  return false;
}

function sendAppend(state: CoreState, to: RaftId, progress: Progress): void {
  const { log } = state;
  const index = progress.next - 1;
  const logTerm = log.termAt(index);
  if (logTerm === undefined) {
    sendSnapshot(state, to, progress);
    return;
  }
  const entries = progress.mayCarryEntries ? log.slice(progress.next, log.lastIndex, state.config.entriesBytesMax) : [];
  send(state, { type: "app", to, index, logTerm, entries, commit: log.committed });
  progress.sentAppend(entries.length, log.committed);
}

/** A snapshot that does not name its receiver as a voter is refused by etcd 3.5 and later, and would blind the receiver. */
function sendSnapshot(state: CoreState, to: RaftId, progress: Progress): void {
  const { snapshot } = state.log;
  invariant(snapshot !== undefined, "raft: entries were compacted without a snapshot");
  const isNamed = snapshot.meta.voters.includes(to);
  if (!isNamed) state.needsSnapshot = true;
  if (!isNamed || !progress.recentlyActive) {
    progress.pause();
    return;
  }
  send(state, { type: "snap", to, snapshot });
  progress.sentSnapshot(snapshot.meta.index);
}

/** A follower may learn no commit index beyond what it is known to hold. */
export function sendHeartbeats(state: CoreState, leader: LeaderRole): void {
  for (const [to, progress] of leader.progress) {
    send(state, { type: "heartbeat", to, commit: Math.min(progress.match, state.log.committed) });
  }
}

/**
 * Commits what a majority has on disk. The leader counts itself for what its own disk holds, and only entries of its
 * own term are committed by counting (thesis 3.6.2); earlier ones follow with them.
 */
export function commitByMajority(state: CoreState, leader: LeaderRole): void {
  const { log } = state;
  const onDisk = (id: RaftId): number =>
    id === state.config.id ? log.persisted : (leader.progress.get(id)?.match ?? 0);
  const index = majorityIndex(state.voters.map(onDisk));
  if (index > log.committed && log.termAt(index) === state.term) log.commitTo(index);
}
