// What the term of a message means, before its role looks at it.
import { becomeFollower, type CoreState, send } from "./core-state.ts";
import { type MessageType, noRaftId, type RaftMessage } from "./messages.ts";
import { isInLease, isTransfer } from "./voting.ts";

/** Only the leader of a term sends these. */
const fromLeader: ReadonlySet<MessageType> = new Set(["app", "heartbeat", "snap"]);

/** Adopts a later term where the rules say so; true when the message is to be handled. */
export function admit(state: CoreState, message: RaftMessage): boolean {
  if (message.type === "prop") return true; // carries no term
  if (message.term > state.term) return admitLater(state, message);
  if (message.term < state.term) {
    answerEarlier(state, message);
    return false;
  }
  return true;
}

function admitLater(state: CoreState, message: RaftMessage): boolean {
  const asksForVote = message.type === "vote" || message.type === "pre-vote";
  if (asksForVote && isInLease(state) && !isTransfer(message)) return false;
  // A pre-vote is a question about a term that nobody has entered; a granted one is the answer to our own question.
  if (message.type === "pre-vote") return true;
  if (message.type === "pre-vote-resp" && !message.reject) return true;
  becomeFollower(state, message.term, fromLeader.has(message.type) ? message.from : noRaftId);
  return true;
}

/**
 * A member whose term ran ahead (it campaigned alone, without pre-vote) ignores its leader, and its votes are refused
 * by the lease: it would be stuck. So it answers an outdated leader with its own term, which makes that one step down.
 * Source: etcd raft Step, the case of a lower term.
 */
function answerEarlier(state: CoreState, message: RaftMessage): void {
  const { checkQuorum, preVote } = state.config;
  if ((message.type === "app" || message.type === "heartbeat") && (checkQuorum || preVote)) {
    send(state, { type: "app-resp", to: message.from });
  } else if (message.type === "vote") {
    // Differs from etcd, which is silent: one that alone has the longest log, and campaigns without pre-vote in terms
    // far behind those that a removed member's campaigns bring about, would never catch up (thesis, figure 3.1).
    send(state, { type: "vote-resp", to: message.from, reject: true });
  } else if (message.type === "pre-vote") {
    // Two members that ask first, one of them with a higher term and a shorter log, would otherwise never agree.
    send(state, { type: "pre-vote-resp", to: message.from, reject: true });
  }
}
