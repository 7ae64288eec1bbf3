// Raft without I/O: give it time, messages and proposals, and it answers with what must be done. Never awaits.
import { failedPrecondition, invalidArgument, invariant, type Random, unavailable } from "@mswarm/runtime";
import { campaign, candidateHandlers, ownVotePersisted } from "./candidate.ts";
import { checkConfig, type RaftConfig, type RecoveredState } from "./config.ts";
import { becomeFollower, type CoreState, createState, type Handlers, type LeaderRole } from "./core-state.ts";
import { followerHandlers, leaderDisconnected, tickElection } from "./follower.ts";
import { adoptVoters, commit, leaderHandlers, tickLeader, transferTo } from "./leader.ts";
import { changedVoters } from "./membership.ts";
import {
  type ConfChange,
  type Entry,
  type HardState,
  noRaftId,
  type RaftId,
  type RaftMessage,
  type Snapshot,
  type SnapshotMeta,
} from "./messages.ts";
import type { Leadership, Persist, Ready, Role } from "./ready.ts";
import { hasToReplicate, replicate } from "./replication.ts";
import { type RaftStatus, statusOf } from "./status.ts";
import { admit } from "./terms.ts";

const handlersOf: Readonly<Record<Role, Handlers>> = {
  follower: followerHandlers,
  "pre-candidate": candidateHandlers,
  candidate: candidateHandlers,
  leader: leaderHandlers,
};

/**
 * One member of a Raft group, after the model of etcd's. All methods are synchronous; what they cause is collected
 * until `takeReady`. Membership takes effect when its entry is applied (`applyConfChange`), as in etcd.
 *
 * A member that finds itself the only voter once its recovered log is applied may `campaign()` at once; every other
 * waits for its election timeout.
 */
export class RaftCore {
  readonly #state: CoreState;
  /** What the disk holds, as far as `advance` told. */
  #persisted: HardState;
  #outstanding: Ready | undefined;
  #announced: Leadership;

  /**
   * @param recovered  what the disk holds; the core keeps it
   * @throws INVALID_ARGUMENT for a configuration that cannot work, DATA_LOSS for a log with holes
   */
  constructor(config: RaftConfig, recovered: RecoveredState, random: Random) {
    checkConfig(config);
    this.#state = createState(config, recovered, random);
    this.#persisted = recovered.hardState ?? { term: 0, vote: noRaftId, commit: 0 };
    this.#announced = this.#leadership();
  }

  /** One unit of Raft time. */
  tick(): void {
    const state = this.#state;
    if (state.role.kind === "leader") tickLeader(state, state.role);
    else tickElection(state);
  }

  /**
   * A message from a peer; one for another member, or one that makes no sense now, is dropped.
   *
   * @throws DATA_LOSS when it shows that acknowledged entries were lost here: stop this member
   */
  step(message: RaftMessage): void {
    const state = this.#state;
    if (message.to !== state.config.id || message.from === state.config.id) return;
    if (admit(state, message)) handlersOf[state.role.kind][message.type](state, message);
  }

  /**
   * Appends a proposal to the log and returns its index. It is accepted when it is applied at that index in the
   * current term; it may be lost, or still be committed, when this member stops to lead.
   *
   * @param data  kept, must not be changed afterwards
   * @throws FAILED_PRECONDITION when not leading, UNAVAILABLE while leadership is being handed over
   */
  propose(data: Buffer): number {
    this.#requireLeader();
    return this.#state.log.append(this.#state.term, "normal", data);
  }

  /**
   * Proposes a change of membership and returns its index. The driver applies it by `applyConfChange`.
   *
   * @throws as `propose`, and FAILED_PRECONDITION while an earlier change is not applied, or for the last voter's removal
   */
  proposeConfChange(change: ConfChange): number {
    const leader = this.#requireLeader();
    const { log, voters, config, term } = this.#state;
    if (leader.pendingConfIndex > log.applied) {
      throw failedPrecondition("raft: another change of membership is still in progress");
    }
    if (change.type === "remove" && voters.length === 1 && voters.includes(change.raftId)) {
      throw failedPrecondition("raft: the last member cannot be removed");
    }
    leader.pendingConfIndex = log.append(term, "conf-change", config.encodeConfChange(change));
    return leader.pendingConfIndex;
  }

  /** Campaigns now, if this member may: a voter that does not lead. */
  campaign(): void {
    campaign(this.#state, this.#state.config.preVote ? "pre-election" : "election");
  }

  /**
   * Hands leadership to `to`: brings it up to date, then lets it campaign at once. Given up after an election timeout.
   * Proposals are refused meanwhile.
   *
   * @throws FAILED_PRECONDITION when not leading, INVALID_ARGUMENT when `to` is not another voter
   */
  transferLeadership(to: RaftId): void {
    const { role } = this.#state;
    if (role.kind !== "leader") throw lostLeadership();
    if (!role.progress.has(to)) throw invalidArgument(`raft: member ${to} cannot lead: it is not another voter`);
    transferTo(this.#state, role, to);
  }

  /** The transport failed to deliver a message to `id`: what was sent after it is in doubt. */
  reportUnreachable(id: RaftId): void {
    this.#progressOf(id)?.unreachable();
  }

  /** The connection to `id` broke: when it leads, its followers need not wait for its silence to grow long. */
  reportDisconnected(id: RaftId): void {
    leaderDisconnected(this.#state, id);
  }

  /** The transport delivered a snapshot to `id`, or gave up. Every snapshot sent must be reported once. */
  reportSnapshot(id: RaftId, ok: boolean): void {
    this.#progressOf(id)?.snapshotFinished(ok);
  }

  /**
   * A committed change of membership takes effect; to be called while its ready is being applied. Changes that make no
   * sense (a stranger's removal, the last voter's) change nothing; nor do those that a snapshot received meanwhile
   * already contains.
   *
   * @returns the voters afterwards, in numeric order
   */
  applyConfChange(change: ConfChange): readonly RaftId[] {
    const state = this.#state;
    if (state.log.receivedSnapshot !== undefined) return state.voters;
    const voters = changedVoters(state.voters, change);
    if (voters === state.voters) return voters;
    state.voters = voters;
    if (state.role.kind === "leader") adoptVoters(state, state.role);
    else if (!voters.includes(state.config.id) && state.role.kind !== "follower") {
      becomeFollower(state, state.term, noRaftId);
    }
    return voters;
  }

  /** Where a snapshot taken of the state machine now stands. Call it between readies. */
  snapshotMeta(): SnapshotMeta {
    const { log, voters } = this.#state;
    invariant(this.#outstanding === undefined, "raft: the place of a snapshot is asked for while a ready is worked on");
    const term = log.termAt(log.applied);
    invariant(term !== undefined, "raft: the applied entry is unknown", { applied: log.applied });
    return { index: log.applied, term, voters };
  }

  /** Keeps a snapshot taken here, for followers that need it. To be called when it is on disk. */
  keepSnapshot(snapshot: Snapshot): void {
    this.#state.log.keepSnapshot(snapshot);
    this.#state.needsSnapshot = false;
  }

  /** Forgets entries up to and including `index`; the last snapshot kept must cover them. */
  compact(index: number): void {
    this.#state.log.compact(index);
  }

  /** True when `takeReady` has something to give; false while a ready is being worked on. */
  hasReady(): boolean {
    const state = this.#state;
    if (this.#outstanding !== undefined) return false;
    return (
      state.sendAtOnce.length > 0 ||
      state.sendAfterPersist.length > 0 ||
      state.log.hasUnpersisted ||
      state.log.hasUnapplied ||
      state.log.receivedSnapshot !== undefined ||
      state.needsSnapshot ||
      this.#hardStateChanged() ||
      this.#leadershipChanged() ||
      (state.role.kind === "leader" && hasToReplicate(state, state.role))
    );
  }

  /** Takes all obligations collected so far; the next can be taken after `advance`. */
  takeReady(): Ready {
    const state = this.#state;
    invariant(this.#outstanding === undefined, "raft: a second ready was taken before the first was done");
    if (state.role.kind === "leader") replicate(state, state.role);
    const persist = this.#takePersist();
    const ready: Ready = {
      persist,
      needsPersist: persist.hardState !== undefined || persist.entries.length > 0 || persist.snapshot !== undefined,
      sendAtOnce: state.sendAtOnce,
      sendAfterPersist: state.sendAfterPersist,
      apply: state.log.unapplied(state.config.applyBytesMax),
      needsSnapshot: state.needsSnapshot,
      ...(this.#leadershipChanged() ? { leadership: this.#leadership() } : {}),
    };
    state.sendAtOnce = [];
    state.sendAfterPersist = [];
    state.needsSnapshot = false;
    this.#announced = this.#leadership();
    this.#outstanding = ready;
    return ready;
  }

  /** All of `ready` is done: it is on disk, sent, and applied. */
  advance(ready: Ready): void {
    const state = this.#state;
    invariant(this.#outstanding === ready, "raft: a ready was finished that is not being worked on");
    this.#outstanding = undefined;
    const { hardState, entries, snapshot } = ready.persist;
    if (hardState !== undefined) this.#persisted = hardState;
    if (snapshot !== undefined) state.log.restored(snapshot);
    const lastWritten = entries.at(-1);
    if (lastWritten !== undefined) state.log.persistedTo(lastWritten);
    const lastApplied = ready.apply.at(-1);
    if (lastApplied !== undefined) state.log.appliedTo(lastApplied.index);
    if (this.#persisted.term === state.term && this.#persisted.vote === state.config.id) ownVotePersisted(state);
    if (state.role.kind === "leader") commit(state, state.role);
  }

  /** Entries from index `from` on that are still in memory: to look at, not to act on (they need not be committed). */
  entriesFrom(from: number): readonly Entry[] {
    const { log } = this.#state;
    return log.slice(Math.max(from, log.firstIndex), log.lastIndex, Number.POSITIVE_INFINITY);
  }

  /** The term of the entry at `index`; undefined where it is compacted or not there yet. */
  termAt(index: number): number | undefined {
    return this.#state.log.termAt(index);
  }

  status(): RaftStatus {
    return statusOf(this.#state);
  }

  get isLeader(): boolean {
    return this.#state.role.kind === "leader";
  }
  get term(): number {
    return this.#state.term;
  }
  get lastIndex(): number {
    return this.#state.log.lastIndex;
  }
  get committed(): number {
    return this.#state.log.committed;
  }
  get applied(): number {
    return this.#state.log.applied;
  }
  get voters(): readonly RaftId[] {
    return this.#state.voters;
  }

  #requireLeader(): LeaderRole {
    const { role } = this.#state;
    if (role.kind !== "leader") throw lostLeadership();
    if (role.transferee !== undefined) throw unavailable("raft: leadership is being handed over to another manager");
    return role;
  }

  #progressOf(id: RaftId) {
    const { role } = this.#state;
    return role.kind === "leader" ? role.progress.get(id) : undefined;
  }

  #takePersist(): Persist {
    const { log, term, vote } = this.#state;
    const entries = log.takeUnpersisted();
    const snapshot = log.receivedSnapshot;
    const isWritten = entries.length > 0 || snapshot !== undefined || this.#hardStateChanged();
    const isStale = this.#hardStateChanged() || log.committed !== this.#persisted.commit;
    return {
      entries,
      ...(isWritten && isStale ? { hardState: { term, vote, commit: log.committed } } : {}),
      ...(snapshot !== undefined ? { snapshot } : {}),
    };
  }

  /** A new commit index alone is not worth a write: it goes to disk with the next one. */
  #hardStateChanged(): boolean {
    return this.#state.term !== this.#persisted.term || this.#state.vote !== this.#persisted.vote;
  }

  #leadership(): Leadership {
    return { role: this.#state.role.kind, leaderId: this.#state.leaderId, term: this.#state.term };
  }

  #leadershipChanged(): boolean {
    const { role, leaderId, term } = this.#announced;
    return role !== this.#state.role.kind || leaderId !== this.#state.leaderId || term !== this.#state.term;
  }
}

/** The text is SwarmKit's (raft.ErrLostLeadership). */
const lostLeadership = () => failedPrecondition("raft: failed to process the request: node lost leader status");
