// Campaigns, with and without asking first.
import {
  becomeFollower,
  type CandidateRole,
  type CoreState,
  enterTerm,
  type Handler,
  type Handlers,
  ignore,
  isPromotable,
  send,
} from "./core-state.ts";
import { becomeLeader } from "./leader.ts";
import { noRaftId, type RaftId, type RaftMessage } from "./messages.ts";
import { voteResult } from "./quorum.ts";
import { receiveAppend, receiveHeartbeat, receiveSnapshot } from "./replica.ts";
import { answerVote, transferContext } from "./voting.ts";

export type Campaign = "pre-election" | "election" | "transfer";

/**
 * Starts a campaign, unless this member may not lead. One that has yet to apply a committed change of membership would
 * count a majority of the past.
 */
export function campaign(state: CoreState, kind: Campaign): void {
  if (state.role.kind === "leader" || !isPromotable(state) || state.log.hasUnappliedConfChange) return;
  if (kind === "pre-election") askFirst(state);
  else standForElection(state, kind);
}

/** A pre-vote changes no term, so that a member cut off for long disturbs nobody when it returns (thesis 9.6). */
function askFirst(state: CoreState): void {
  enterTerm(state, state.term, noRaftId);
  const candidate: CandidateRole = { kind: "pre-candidate", votes: new Map() };
  state.role = candidate;
  requestVotes(state, "pre-vote", state.term + 1, undefined);
  countVote(state, candidate, state.config.id, true);
}

function standForElection(state: CoreState, kind: Campaign): void {
  enterTerm(state, state.term + 1, noRaftId);
  state.vote = state.config.id;
  state.role = { kind: "candidate", votes: new Map() };
  // Our own vote counts when it is on disk: see `ownVotePersisted`.
  requestVotes(state, "vote", state.term, kind === "transfer" ? transferContext : undefined);
}

/** The disk holds the current term and our vote for ourselves. */
export function ownVotePersisted(state: CoreState): void {
  if (state.role.kind !== "candidate" || state.role.votes.has(state.config.id)) return;
  countVote(state, state.role, state.config.id, true);
}

function requestVotes(state: CoreState, type: "vote" | "pre-vote", term: number, context: Buffer | undefined): void {
  const { log } = state;
  for (const to of state.voters) {
    if (to === state.config.id) continue;
    const marked = context === undefined ? {} : { context };
    send(state, { type, to, term, index: log.lastIndex, logTerm: log.lastTerm, ...marked });
  }
}

function countVote(state: CoreState, candidate: CandidateRole, from: RaftId, granted: boolean): void {
  if (!candidate.votes.has(from)) candidate.votes.set(from, granted);
  switch (voteResult(state.voters, candidate.votes)) {
    case "won":
      if (candidate.kind === "pre-candidate") standForElection(state, "election");
      else becomeLeader(state);
      return;
    case "lost":
      becomeFollower(state, state.term, noRaftId);
      return;
    case "pending":
      return;
  }
}

const countAs =
  (kind: CandidateRole["kind"]): Handler =>
  (state, message) => {
    if (state.role.kind === kind) countVote(state, state.role, message.from, !message.reject);
  };

/** A message from the leader of our own term: the election is over. */
const follow =
  (receive: Handler): Handler =>
  (state: CoreState, message: RaftMessage) => {
    becomeFollower(state, state.term, message.from);
    receive(state, message);
  };

/** For both kinds of candidate. */
export const candidateHandlers: Handlers = {
  app: follow(receiveAppend),
  "app-resp": ignore,
  vote: answerVote,
  "vote-resp": countAs("candidate"),
  "pre-vote": answerVote,
  "pre-vote-resp": countAs("pre-candidate"),
  heartbeat: follow(receiveHeartbeat),
  "heartbeat-resp": ignore,
  snap: follow(receiveSnapshot),
  "timeout-now": ignore, // already at it
  prop: ignore,
};
