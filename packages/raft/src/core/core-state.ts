// What a member knows, and the moves that every role shares. The rules are in the files of the roles.
import type { Random } from "@mswarm/runtime";
import type { RaftConfig, RecoveredState } from "./config.ts";
import { RaftLog } from "./log.ts";
import { compareIds } from "./membership.ts";
import { type MessageType, noRaftId, type RaftId, type RaftMessage } from "./messages.ts";
import type { Progress } from "./progress.ts";

export interface FollowerRole {
  readonly kind: "follower";
}

export interface CandidateRole {
  readonly kind: "pre-candidate" | "candidate";
  readonly votes: Map<RaftId, boolean>;
}

export interface LeaderRole {
  readonly kind: "leader";
  /** Of every other voter. */
  readonly progress: Map<RaftId, Progress>;
  heartbeatElapsed: number;
  /** To whom leadership is being handed over; proposals are refused meanwhile. */
  transferee: RaftId | undefined;
  /** No membership change is proposed before this index is applied here. */
  pendingConfIndex: number;
}

/** Mutable; owned by one RaftCore. */
export interface CoreState {
  readonly config: RaftConfig;
  readonly random: Random;
  readonly log: RaftLog;
  term: number;
  vote: RaftId;
  leaderId: RaftId;
  voters: readonly RaftId[];
  role: FollowerRole | CandidateRole | LeaderRole;
  /** Ticks since the last sign of a leader, or (as a leader) since the last check of the quorum. */
  electionElapsed: number;
  /** Drawn anew for each term and role. */
  electionTimeout: number;
  needsSnapshot: boolean;
  sendAtOnce: RaftMessage[];
  sendAfterPersist: RaftMessage[];
}

export function createState(config: RaftConfig, recovered: RecoveredState, random: Random): CoreState {
  const state: CoreState = {
    config,
    random,
    log: new RaftLog(recovered),
    term: recovered.hardState?.term ?? 0,
    vote: recovered.hardState?.vote ?? noRaftId,
    leaderId: noRaftId,
    voters: [...(recovered.snapshot?.meta.voters ?? [])].sort(compareIds),
    role: { kind: "follower" },
    electionElapsed: 0,
    electionTimeout: 0,
    needsSnapshot: false,
    sendAtOnce: [],
    sendAfterPersist: [],
  };
  enterTerm(state, state.term, noRaftId);
  return state;
}

/** Begins `term` (a vote is good for one term only) or stays in it, with a fresh election timeout. */
export function enterTerm(state: CoreState, term: number, leaderId: RaftId): void {
  if (term !== state.term) state.vote = noRaftId;
  state.term = term;
  state.leaderId = leaderId;
  state.electionElapsed = 0;
  state.electionTimeout = newElectionTimeout(state);
}

/** Random in electionTicks … 2·electionTicks − 1 (thesis 3.4). */
export const newElectionTimeout = ({ config, random }: CoreState): number =>
  config.electionTicks + random.below(config.electionTicks);

export function becomeFollower(state: CoreState, term: number, leaderId: RaftId): void {
  enterTerm(state, term, leaderId);
  state.role = { kind: "follower" };
}

/** A member may lead when it is a voter and does not wait for its state machine to be restored. */
export function isPromotable(state: CoreState): boolean {
  return state.voters.includes(state.config.id) && state.log.receivedSnapshot === undefined;
}

/** What only a leader sends; it promises nothing that this member's disk has yet to keep. */
const leaderMessages: ReadonlySet<MessageType> = new Set(["app", "heartbeat", "snap", "timeout-now"]);

type Outgoing = Pick<RaftMessage, "type" | "to"> & Partial<RaftMessage>;

/** Queues a message from this member, in its term unless another is given. */
export function send(state: CoreState, message: Outgoing): void {
  const queue = leaderMessages.has(message.type) ? state.sendAtOnce : state.sendAfterPersist;
  queue.push({
    from: state.config.id,
    term: state.term,
    logTerm: 0,
    index: 0,
    entries: [],
    commit: 0,
    reject: false,
    rejectHint: 0,
    ...message,
  });
}

/** What a role does with a message of its own term. */
export type Handler = (state: CoreState, message: RaftMessage) => void;
/** One line per type of message: a new type does not compile until every role has an answer. */
export type Handlers = Readonly<Record<MessageType, Handler>>;

/** For what a role has no use for. */
export const ignore: Handler = () => {};
