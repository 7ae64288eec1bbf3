import {
  type Duration,
  failedPrecondition,
  messageOf,
  milliseconds,
  resourceExhausted,
  type SwarmError,
} from "@mswarm/runtime";
import { raftDefaults } from "../core/config.ts";
import { type ConfChange, noRaftId, type RaftId, type RaftMessage } from "../core/messages.ts";
import { RaftCore } from "../core/raft-core.ts";
import type { RaftStatus } from "../core/status.ts";
import { encodeConfChange, requestIds } from "./conf-change-codec.ts";
import type { LeadershipListener, LeadershipState } from "./leadership.ts";
import { bestSuccessor, termOver } from "./leadership-transfer.ts";
import { MemberList } from "./member-list.ts";
import { MembershipChanges } from "./membership-changes.ts";
import { lostLeadership } from "./proposals.ts";
import { RaftDriver } from "./raft-driver.ts";
import { proposalBytesMax, type RaftNodeOptions, type RaftNodeParts } from "./raft-node-options.ts";
import { type RecoveredMember, recoverLog } from "./raft-start.ts";
import type { Member } from "./state-machine.ts";
import type { TransportListener } from "./transport.ts";

/** One member of a Raft group, for the rest of the manager. Its work is done by a RaftDriver. */
export class RaftNode implements TransportListener {
  readonly #parts: RaftNodeParts;
  readonly #core: RaftCore;
  readonly #driver: RaftDriver;
  readonly #self: Member;
  readonly #list: MemberList;
  readonly #changes: MembershipChanges;
  readonly #electionTicks: number;
  #wasRemoved = false;

  private constructor(options: RaftNodeOptions, parts: RaftNodeParts, recovered: RecoveredMember) {
    this.#parts = parts;
    this.#self = recovered.identity.self;
    this.#list = new MemberList();
    this.#list.addKnown(recovered.identity.members);
    const config = { ...raftDefaults, ...options.raft, id: this.#self.raftId, encodeConfChange };
    this.#electionTicks = config.electionTicks;
    this.#core = new RaftCore(config, recovered, parts.random);
    this.#changes = new MembershipChanges({
      list: this.#list,
      self: this.#self,
      requestId: requestIds(parts.clock),
      reachable: (raftId) => this.reachable(raftId),
      propose: (change) => this.#proposeConfChange(change),
    });
    this.#driver = new RaftDriver({
      ...parts,
      core: this.#core,
      list: this.#list,
      self: this.#self.raftId,
      tickInterval: options.tickInterval ?? milliseconds(100),
      snapshots: () => ({ interval: options.snapshotInterval ?? 10_000, entriesKept: options.entriesKept ?? 500 }),
      snapshotIndex: recovered.snapshot?.meta.index ?? 0,
      onRemoved: () => this.reportRemoved(),
    });
  }

  /**
   * Loads the log, brings the state machine up to date with what is known to be committed, and takes part. A member
   * that is alone campaigns at once. When this rejects the log store is closed.
   *
   * Errors: those of the log store; FAILED_PRECONDITION when the log does not fit `options.start`.
   */
  static async start(options: RaftNodeOptions, parts: RaftNodeParts): Promise<RaftNode> {
    try {
      const recovered = await recoverLog(options.start, parts.store);
      const node = new RaftNode(options, parts, recovered);
      await node.#driver.recover(recovered.snapshot);
      node.#driver.run();
      return node;
    } catch (error) {
      await parts.store.close();
      throw error;
    }
  }

  /**
   * Stops the node and closes its log. A leader hands over first (unless told not to), for at most an election timeout;
   * waiting proposals are rejected. Idempotent.
   */
  async stop({ handOver = true }: { handOver?: boolean } = {}): Promise<void> {
    if (handOver && this.#driver.stopped === undefined && this.#core.isLeader && this.#core.voters.length > 1) {
      try {
        await this.transferLeadership();
      } catch (error) {
        this.#parts.log.info({ reason: messageOf(error) }, "raft leader stops without a successor");
      }
    }
    await this.#driver.stop();
  }

  /** Index that the next proposed entry will get while this member leads. */
  get nextIndex(): number {
    return this.#core.lastIndex + 1;
  }

  /**
   * Appends proposals to the log at once; they travel together. One promise each, resolved when the entry was applied
   * here.
   *
   * @param data  not empty; kept, must not be changed
   * Errors (by rejection): FAILED_PRECONDITION when not leading or when leadership ended first (the entry may still be
   * committed), RESOURCE_EXHAUSTED above `proposalBytesMax`, UNAVAILABLE while leadership is handed over or after a stop.
   */
  propose(data: readonly Buffer[]): readonly Promise<void>[] {
    return data.map((bytes) => this.#promise(() => this.#proposeOne(bytes)));
  }

  #proposeOne(data: Buffer): Promise<void> {
    if (data.length > proposalBytesMax) {
      throw resourceExhausted("raft: raft message is too large and can't be sent");
    }
    return this.#driver.propose(() => this.#core.propose(data));
  }

  /** Turns a throw into a rejection, which need not be awaited. */
  #promise(start: () => Promise<void>): Promise<void> {
    try {
      return start();
    } catch (error) {
      const rejected = Promise.reject(error);
      rejected.catch(() => undefined);
      return rejected;
    }
  }

  #proposeConfChange(change: ConfChange): Promise<void> {
    return this.#driver.propose(() => this.#core.proposeConfChange(change));
  }

  /** Resolves when the member is part of the group. Errors: see MembershipChanges.add. */
  addMember(member: Member): Promise<void> {
    return this.#changes.add(member);
  }

  /** Changes a member's address. Errors: see MembershipChanges.update. */
  updateMember(member: Member): Promise<void> {
    return this.#changes.update(member);
  }

  /** Resolves when the member is no longer part of the group. Errors: see MembershipChanges.remove. */
  removeMember(raftId: RaftId): Promise<void> {
    return this.#changes.remove(raftId);
  }

  /** True when the group keeps a reachable majority without this member. */
  canRemoveMember(raftId: RaftId): boolean {
    return this.#changes.canRemove(raftId);
  }

  /**
   * Hands leadership to `to`, or to the reachable member with the longest log. Resolves when the term is over.
   * Errors: FAILED_PRECONDITION when not leading or when nobody can take over, INVALID_ARGUMENT for a stranger,
   * DEADLINE_EXCEEDED after an election timeout.
   */
  async transferLeadership(to?: RaftId): Promise<void> {
    const { stopped } = this.#driver;
    if (stopped !== undefined) throw stopped;
    const status = this.#core.status();
    if (status.role !== "leader") throw lostLeadership();
    const target = to ?? bestSuccessor(status, (raftId) => this.reachable(raftId));
    if (target === undefined) throw failedPrecondition("raft: no other manager can be reached to take over leadership");
    this.#core.transferLeadership(target);
    this.#driver.wake();
    const within = milliseconds(this.#electionTicks * this.#driver.ticker.interval);
    await termOver(this.#driver.leadership, status.term, { clock: this.#parts.clock, within });
  }

  /** A message from another member; the caller has checked who may send what. */
  step(message: RaftMessage): void {
    this.#driver.input(() => this.#core.step(message));
  }

  reportUnreachable(raftId: RaftId): void {
    this.#driver.input(() => this.#core.reportUnreachable(raftId));
  }

  reportDisconnected(raftId: RaftId): void {
    this.#driver.input(() => this.#core.reportDisconnected(raftId));
  }

  reportSnapshot(raftId: RaftId, ok: boolean): void {
    this.#driver.input(() => this.#core.reportSnapshot(raftId, ok));
  }

  reportRefused(raftId: RaftId, reason: Error): void {
    const { leaderId } = this.#core.status();
    // Somebody else's view does not matter to a member that its leader hears.
    if (leaderId === noRaftId || leaderId === raftId) this.#driver.fail(reason);
  }

  reportRemoved(): void {
    if (this.#wasRemoved) return;
    this.#wasRemoved = true;
    this.#parts.log.info({ raftId: this.#self.raftId }, "this manager was removed from the cluster");
    this.#parts.onRemoved();
  }

  /** Why this member takes part no more, as its disk said it; undefined while it does. */
  get stopped(): SwarmError | undefined {
    return this.#driver.stopped;
  }

  /** This member, as it was when it joined. */
  get self(): Member {
    return this.#self;
  }

  members(): readonly Member[] {
    return this.#list.all();
  }

  isRemoved(raftId: RaftId): boolean {
    return this.#list.isRemoved(raftId);
  }

  /** True for this member, and for others when the last contact succeeded. */
  reachable(raftId: RaftId): boolean {
    return raftId === this.#self.raftId || this.#parts.transport.reachable(raftId);
  }

  status(): RaftStatus {
    return this.#core.status();
  }

  get leadership(): LeadershipState {
    return this.#driver.leadership.current;
  }

  /** Calls `listener` at each change, not for the current state; returns how to stop. */
  onLeadership(listener: LeadershipListener): () => void {
    return this.#driver.leadership.subscribe(listener);
  }

  /** Takes effect at once. All members should change together: the election timeout is counted in ticks. */
  setTickInterval(interval: Duration): void {
    this.#driver.ticker.interval = interval;
  }

  get tickInterval(): Duration {
    return this.#driver.ticker.interval;
  }

  /** Changes the data key: see LogStore.rekey. */
  rekey(): Promise<void> {
    return this.#parts.store.rekey();
  }
}
