// The receiving end of replication: what a follower does with its leader's appends, heartbeats and snapshots.
import { dataLoss, invariant } from "@mswarm/runtime";
import { type CoreState, send } from "./core-state.ts";
import { compareIds } from "./membership.ts";
import type { RaftMessage } from "./messages.ts";

export function receiveAppend(state: CoreState, message: RaftMessage): void {
  const { log } = state;
  // A malformed message must not leave a hole in the log.
  if (message.entries.some((entry, position) => entry.index !== message.index + 1 + position)) return;
  if (message.index < log.committed) {
    // An old message; what is committed here agrees with the leader, so say how far that is.
    send(state, { type: "app-resp", to: message.from, index: log.committed });
    return;
  }
  const agreed = log.appendAfter({ index: message.index, term: message.logTerm }, message.entries);
  if (agreed !== undefined) {
    // Entries behind `agreed` may be another leader's: they are not committed by this message.
    log.commitTo(Math.min(message.commit, agreed));
    send(state, { type: "app-resp", to: message.from, index: agreed });
    return;
  }
  const hint = log.latestNotAbove(message.index, message.logTerm);
  send(state, {
    type: "app-resp",
    to: message.from,
    reject: true,
    index: message.index,
    rejectHint: hint.index,
    logTerm: hint.term,
  });
}

/** @throws DATA_LOSS when the leader counts on entries that this member acknowledged and no longer has */
export function receiveHeartbeat(state: CoreState, message: RaftMessage): void {
  const { log } = state;
  if (message.commit > log.lastIndex) {
    throw dataLoss(
      `raft: the leader counts on entries up to index ${message.commit} on this node, but its log ends at ${log.lastIndex}: ` +
        "acknowledged entries were lost, so this node must not vote; remove it from the cluster and let it join anew",
    );
  }
  log.commitTo(message.commit);
  const context = message.context === undefined ? {} : { context: message.context };
  send(state, { type: "heartbeat-resp", to: message.from, ...context });
}

export function receiveSnapshot(state: CoreState, message: RaftMessage): void {
  const { log } = state;
  const { snapshot } = message;
  if (snapshot === undefined) return;
  const { index, term, voters } = snapshot.meta;
  if (index > log.committed && log.holds({ index, term })) {
    // Our log holds what the snapshot stands for: it only tells that this is committed.
    log.commitTo(index);
  } else if (index > log.committed) {
    log.restore(snapshot);
    invariant(log.lastIndex === index, "raft: the log does not end with the restored snapshot");
    state.voters = [...voters].sort(compareIds);
  }
  send(state, { type: "app-resp", to: message.from, index: log.committed });
}
