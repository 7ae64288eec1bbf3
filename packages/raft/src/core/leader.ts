// The rules of a leader: replicate, commit, keep in touch with a majority, hand over.
import { invariant } from "@mswarm/runtime";
import {
  becomeFollower,
  type CoreState,
  enterTerm,
  type Handler,
  type Handlers,
  ignore,
  type LeaderRole,
  send,
} from "./core-state.ts";
import { noRaftId, type RaftId, type RaftMessage } from "./messages.ts";
import { Progress } from "./progress.ts";
import { quorumOf } from "./quorum.ts";
import { commitByMajority, sendHeartbeats } from "./replication.ts";
import { answerVote } from "./voting.ts";

/** Won the election of the current term. */
export function becomeLeader(state: CoreState): void {
  const { log, config } = state;
  enterTerm(state, state.term, config.id);
  const followers = state.voters.filter((id) => id !== config.id);
  const leader: LeaderRole = {
    kind: "leader",
    progress: new Map(followers.map((id) => [id, new Progress(log.lastIndex + 1, config.inflightMax)])),
    heartbeatElapsed: 0,
    transferee: undefined,
    pendingConfIndex: 0,
  };
  state.role = leader;
  // Earlier terms' entries are committed with this one. Changes of membership may be among them, so a new one waits.
  leader.pendingConfIndex = log.append(state.term, "normal", undefined);
}

export function tickLeader(state: CoreState, leader: LeaderRole): void {
  const { electionTicks, heartbeatTicks, checkQuorum } = state.config;
  state.electionElapsed += 1;
  leader.heartbeatElapsed += 1;
  if (state.electionElapsed >= electionTicks) {
    state.electionElapsed = 0;
    // The target had its time; clients wait.
    leader.transferee = undefined;
    if (checkQuorum && !heardOfMajority(state, leader)) {
      becomeFollower(state, state.term, noRaftId);
      return;
    }
  }
  if (leader.heartbeatElapsed < heartbeatTicks) return;
  leader.heartbeatElapsed = 0;
  sendHeartbeats(state, leader);
}

/** True when a majority, this member included, spoke since the last check; begins the next period. */
function heardOfMajority(state: CoreState, leader: LeaderRole): boolean {
  let active = 1;
  for (const progress of leader.progress.values()) {
    if (progress.recentlyActive) active += 1;
    progress.recentlyActive = false;
  }
  return active >= quorumOf(state.voters.length);
}

/** Begins to hand leadership to `to`, a follower; a second request replaces the first. */
export function transferTo(state: CoreState, leader: LeaderRole, to: RaftId): void {
  if (leader.transferee === to) return;
  leader.transferee = to;
  state.electionElapsed = 0;
  finishTransfer(state, leader, to);
}

/**
 * The target may campaign as soon as it has the whole log; before, its request would be refused. And not before the log
 * is committed: whoever waits for an entry is told the truth about it, which is no longer known when the term is over.
 */
function finishTransfer(state: CoreState, leader: LeaderRole, to: RaftId): void {
  const { log } = state;
  if (leader.transferee !== to || leader.progress.get(to)?.match !== log.lastIndex) return;
  if (log.committed === log.lastIndex) send(state, { type: "timeout-now", to });
}

/** Commits what a majority has, and tells the target of a transfer that waited for this. */
export function commit(state: CoreState, leader: LeaderRole): void {
  const before = state.log.committed;
  commitByMajority(state, leader);
  if (leader.transferee !== undefined && state.log.committed > before) finishTransfer(state, leader, leader.transferee);
}

/** Follows a change of the voters. A leader that is no longer one of them has nothing left to do. */
export function adoptVoters(state: CoreState, leader: LeaderRole): void {
  const { config, log } = state;
  if (!state.voters.includes(config.id)) {
    becomeFollower(state, state.term, noRaftId);
    return;
  }
  for (const id of leader.progress.keys()) if (!state.voters.includes(id)) leader.progress.delete(id);
  for (const id of state.voters) {
    if (id === config.id || leader.progress.has(id)) continue;
    // Counted as active at first, or the leader would lose its quorum before a new member could say a word.
    leader.progress.set(id, new Progress(log.lastIndex + 1, config.inflightMax, true));
  }
  if (leader.transferee !== undefined && !leader.progress.has(leader.transferee)) leader.transferee = undefined;
  commit(state, leader);
}

/** Handlers that need the leader's own state and the sender's progress; strangers are not listened to. */
function withProgress(
  handle: (state: CoreState, leader: LeaderRole, progress: Progress, message: RaftMessage) => void,
): Handler {
  return (state, message) => {
    invariant(state.role.kind === "leader", "raft: a leader's handler in another role");
    const progress = state.role.progress.get(message.from);
    if (progress !== undefined) handle(state, state.role, progress, message);
  };
}

const appendAnswered = withProgress((state, leader, progress, message) => {
  const { log } = state;
  progress.recentlyActive = true;
  if (message.reject) {
    // A hint of term 0 is etcd 3.3's (its last index) or lies in the compacted part: taken as it is.
    const hint =
      message.logTerm > 0 ? log.latestNotAbove(message.rejectHint, message.logTerm).index : message.rejectHint;
    progress.rejected(message.index, hint);
    return;
  }
  if (message.index > log.lastIndex) return;
  progress.accepted(message.index, log.firstIndex);
  const before = log.committed;
  commit(state, leader);
  // Else it has just been told.
  if (log.committed === before) finishTransfer(state, leader, message.from);
});

const heartbeatAnswered = withProgress((state, _leader, progress) => {
  progress.heartbeatAnswered(state.log.lastIndex);
});

export const leaderHandlers: Handlers = {
  app: ignore, // of our own term: there is one leader per term
  "app-resp": appendAnswered,
  vote: answerVote,
  "vote-resp": ignore,
  "pre-vote": answerVote,
  "pre-vote-resp": ignore,
  heartbeat: ignore,
  "heartbeat-resp": heartbeatAnswered,
  snap: ignore,
  "timeout-now": ignore,
  prop: ignore, // proposals are not forwarded between members
};
