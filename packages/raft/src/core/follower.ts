// The rules of a follower: listen to the leader, vote, and campaign when nobody is heard.
import { campaign } from "./candidate.ts";
import { type CoreState, type Handler, type Handlers, ignore } from "./core-state.ts";
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

const heedLeader =
  (receive: Handler): Handler =>
  (state, message) => {
    state.electionElapsed = 0;
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
  "timeout-now": (state) => campaign(state, "transfer"),
  prop: ignore,
};
