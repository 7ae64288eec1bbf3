// The voter's side of an election, the same in every role.
import { type CoreState, send } from "./core-state.ts";
import { noRaftId, type RaftMessage } from "./messages.ts";

const campaignTransfer = "CampaignTransfer";

/** Marks a request for votes that the old leader asked for: it overrides the lease. Source: etcd raft campaignTransfer. */
export const transferContext: Buffer = Buffer.from(campaignTransfer);

export const isTransfer = (message: RaftMessage): boolean => message.context?.toString("latin1") === campaignTransfer;

/** True while a leader was heard of within the election timeout: nobody is elected then (thesis 4.2.3). */
export function isInLease(state: CoreState): boolean {
  const { checkQuorum, electionTicks } = state.config;
  return checkQuorum && state.leaderId !== noRaftId && state.electionElapsed < electionTicks;
}

/**
 * Answers a request for a vote or a pre-vote: one vote per term, and only for a log that holds all this one holds.
 * A pre-vote is no promise: nothing is remembered.
 */
export function answerVote(state: CoreState, message: RaftMessage): void {
  const isPreVote = message.type === "pre-vote";
  const isFree = state.vote === noRaftId && state.leaderId === noRaftId;
  const mayVote = state.vote === message.from || isFree || (isPreVote && message.term > state.term);
  const grants = mayVote && state.log.isUpToDate({ index: message.index, term: message.logTerm });
  const type = isPreVote ? "pre-vote-resp" : "vote-resp";
  if (!grants) {
    send(state, { type, to: message.from, reject: true });
    return;
  }
  // A granted pre-vote carries the term that was asked for; our own may be far behind it.
  send(state, { type, to: message.from, term: message.term });
  if (isPreVote) return;
  state.vote = message.from;
  state.electionElapsed = 0;
}
