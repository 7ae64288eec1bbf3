// The rules of a follower: listen to the leader, vote, and campaign when nobody is heard.
import { campaign } from "./candidate.ts";
import { type CoreState, type Handler, type Handlers, ignore, newElectionTimeout } from "./core-state.ts";
import { noRaftId, type RaftId } from "./messages.ts";
import { receiveAppend, receiveHeartbeat, receiveSnapshot } from "./replica.ts";
import { answerVote } from "./voting.ts";

/**
 * Also for candidates: their campaign begins anew when it came to nothing. A member that may not campaign lets the time
 * run on: were it set back here, the lease of a leader that is gone would be renewed for ever, and with it the refusal
 * of votes.
 */
export function tickElection(state: CoreState): void {
  state.electionElapsed += 1;
  if (state.electionElapsed >= state.electionTimeout)
    campaign(state, state.config.preVote ? "pre-election" : "election");
}

/**
 * The connection to the leader broke, which mostly means that its process is gone: this member asks the others soon
 * instead of waiting for its election timeout. Members ask one after another, in the order of their ids, so that they
 * do not split the vote. Asking first (pre-vote) makes a false alarm harmless: those who still hear the leader refuse.
 * Differs: decision 7.
 */
export function leaderDisconnected(state: CoreState, id: RaftId): void {
  if (!state.config.preVote || state.role.kind !== "follower" || state.leaderId !== id) return;
  const rank = state.voters.filter((voter) => voter !== id).indexOf(state.config.id);
  state.leaderId = noRaftId;
  if (rank >= 0) state.electionTimeout = Math.min(state.electionTimeout, state.electionElapsed + 1 + 2 * rank);
}

const heedLeader =
  (receive: Handler): Handler =>
  (state, message) => {
    // There is one leader per term: whoever else says to be it lies.
    if (state.leaderId !== noRaftId && state.leaderId !== message.from) return;
    state.electionElapsed = 0;
    // After a false alarm the shortened timeout must not stay.
    if (state.leaderId === noRaftId) state.electionTimeout = newElectionTimeout(state);
    state.leaderId = message.from;
    receive(state, message);
  };

export const followerHandlers: Handlers = {
  app: heedLeader(receiveAppend),
  "app-resp": ignore,
  vote: answerVote,
  "vote-resp": ignore,
  "pre-vote": answerVote,
  "pre-vote-resp": ignore,
  heartbeat: heedLeader(receiveHeartbeat),
  "heartbeat-resp": ignore,
  snap: heedLeader(receiveSnapshot),
  // The leader asks us to take over: no pre-vote, for it is alive and its lease would refuse us.
  "timeout-now": (state, { from }) => {
    if (state.leaderId === from || state.leaderId === noRaftId) campaign(state, "transfer");
  },
  prop: ignore,
};
