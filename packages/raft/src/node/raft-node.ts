import {
  childAbort,
  type Duration,
  failedPrecondition,
  messageOf,
  milliseconds,
  resourceExhausted,
  type SwarmError,
  unavailable,
  Wakeup,
} from "@mswarm/runtime";
import { raftDefaults } from "../core/config.ts";
import { type ConfChange, noRaftId, type RaftId, type RaftMessage, type Snapshot } from "../core/messages.ts";
import { RaftCore } from "../core/raft-core.ts";
import type { Ready } from "../core/ready.ts";
import type { RaftStatus } from "../core/status.ts";
import { encodeConfChange, requestIds } from "./conf-change-codec.ts";
import { LeadershipFeed, type LeadershipListener, type LeadershipState } from "./leadership.ts";
import { bestSuccessor, termOver } from "./leadership-transfer.ts";
import { LogApplication } from "./log-application.ts";
import { MemberList } from "./member-list.ts";
import { MembershipChanges } from "./membership-changes.ts";
import { lostLeadership, Proposals } from "./proposals.ts";
import { proposalBytesMax, type RaftNodeOptions, type RaftNodeParts } from "./raft-node-options.ts";
import { type RecoveredMember, recoverLog } from "./raft-start.ts";
import { Snapshotter } from "./snapshotter.ts";
import type { Member } from "./state-machine.ts";
import { Ticker } from "./ticker.ts";
import type { TransportListener } from "./transport.ts";

/** Work without a pause before timers and sockets get their turn. */
const turnMax = milliseconds(20);

/**
 * Drives one RaftCore: gives it time and messages, and does what each ready asks for, in its order. Nothing is
 * acknowledged before the disk has it; a disk that fails stops the node.
 */
export class RaftNode implements TransportListener {
  readonly #parts: RaftNodeParts;
  readonly #core: RaftCore;
  readonly #self: Member;
  readonly #list: MemberList;
  readonly #changes: MembershipChanges;
  readonly #application: LogApplication;
  readonly #snapshotter: Snapshotter;
  readonly #proposals: Proposals = new Proposals();
  readonly #leadership: LeadershipFeed = new LeadershipFeed();
  readonly #wakeup: Wakeup = new Wakeup();
  readonly #lifetime = childAbort(new AbortController().signal);
  /** The term in which this member leads and has applied its whole log. */
  #readyTerm: number | undefined;
  readonly #ticker: Ticker;
  readonly #electionTicks: number;
  #stopped: SwarmError | undefined;
  #wasRemoved = false;
  #loop: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #turnBegan: Duration;

  private constructor(options: RaftNodeOptions, parts: RaftNodeParts, recovered: RecoveredMember) {
    this.#parts = parts;
    this.#self = recovered.identity.self;
    this.#list = new MemberList();
    this.#list.addKnown(recovered.identity.members);
    const interval = options.tickInterval ?? milliseconds(100);
    this.#ticker = new Ticker(parts.clock, interval, () => this.#input(() => this.#core.tick()));
    this.#turnBegan = parts.clock.monotonic();
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
    this.#application = new LogApplication({
      ...parts,
      core: this.#core,
      list: this.#list,
      self: this.#self.raftId,
      onRemoved: () => this.reportRemoved(),
    });
    this.#snapshotter = new Snapshotter(
      () => ({ interval: options.snapshotInterval ?? 10_000, entriesKept: options.entriesKept ?? 500 }),
      {
        core: this.#core,
        store: parts.store,
        payload: () => parts.stateMachine.snapshot(this.#list.membership()),
      },
      recovered.snapshot?.meta.index ?? 0,
    );
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
      if (recovered.snapshot !== undefined) node.#restore(recovered.snapshot);
      parts.transport.setMembers(node.members());
      while (node.#core.hasReady()) await node.#work(node.#core.takeReady());
      node.#run();
      return node;
    } catch (error) {
      await parts.store.close();
      throw error;
    }
  }

  #run(): void {
    const { voters } = this.#core;
    if (voters.length === 1 && voters[0] === this.#self.raftId) this.#input(() => this.#core.campaign());
    this.#ticker.start();
    this.#loop = this.#takeReadies(this.#lifetime.signal).catch((error: unknown) => this.#fail(error));
  }

  async #takeReadies(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#core.hasReady()) await this.#work(this.#core.takeReady());
      else if (await this.#woken(signal)) this.#turnBegan = this.#parts.clock.monotonic();
    }
  }

  async #woken(signal: AbortSignal): Promise<boolean> {
    return this.#wakeup.wait(signal).then(
      () => true,
      () => false,
    );
  }

  /** The duties of one ready, in the order that `Ready` prescribes. */
  async #work(ready: Ready): Promise<void> {
    const { store, transport } = this.#parts;
    if (ready.sendAtOnce.length > 0) transport.send(ready.sendAtOnce);
    if (ready.needsPersist) {
      await store.append(ready.persist);
      if (this.#stopped !== undefined) return;
      // Waiting for a disk lets everything else run.
      this.#turnBegan = this.#parts.clock.monotonic();
    }
    if (ready.sendAfterPersist.length > 0) transport.send(ready.sendAfterPersist);
    if (ready.persist.snapshot !== undefined) this.#restore(ready.persist.snapshot);
    this.#application.apply(ready.apply);
    const last = ready.apply.at(-1);
    if (this.#core.isLeader && last?.term === this.#core.term) this.#readyTerm = last.term;
    this.#proposals.applied(ready.apply);
    this.#core.advance(ready);
    this.#observe(ready.leadership?.leaderId);
    const snapshotting = this.#snapshotter.takeIfDue(ready.needsSnapshot);
    snapshotting?.then(() => this.#wakeup.notify()).catch((error: unknown) => this.#fail(error));
    await this.#pauseAfterLongTurn();
  }

  async #pauseAfterLongTurn(): Promise<void> {
    const { clock } = this.#parts;
    if (clock.monotonic() - this.#turnBegan < turnMax) return;
    await clock.sleep(milliseconds(0));
    this.#turnBegan = clock.monotonic();
  }

  #restore(snapshot: Snapshot): void {
    this.#application.restore(snapshot);
    this.#snapshotter.restored(snapshot.meta.index);
  }

  /** Gives something to the core. What it throws about itself stops the node. */
  #input(give: () => void): void {
    if (this.#stopped !== undefined) return;
    try {
      give();
      this.#observe();
    } catch (error) {
      this.#fail(error);
    }
    this.#wakeup.notify();
  }

  /** Lost leadership is announced at once; nobody may wait for the disk to learn of it. */
  #observe(leaderId?: RaftId): void {
    const { isLeader, term } = this.#core;
    if (!isLeader || this.#readyTerm !== term) this.#readyTerm = undefined;
    const isReady = this.#readyTerm !== undefined;
    const current = this.#leadership.current;
    if (leaderId === undefined && current.isLeader === isReady && current.term === term) return;
    if (!isLeader || current.term !== term) this.#proposals.rejectAll(lostLeadership());
    const state = { isLeader: isReady, leaderId: leaderId ?? this.#core.status().leaderId, term };
    this.#leadership.set(state);
  }

  #fail(error: unknown): void {
    if (this.#stopped !== undefined) return;
    const failure = error instanceof Error ? error : unavailable(messageOf(error));
    this.#parts.log.error({ error: failure }, "raft has stopped: this manager can neither vote nor lead");
    this.#halt(unavailable(`raft: this manager has stopped: ${failure.message}`, { cause: failure }));
    this.#close().catch((closing: unknown) => this.#parts.log.warn({ error: closing }, "raft log not closed"));
    this.#parts.onFailure(failure);
  }

  #halt(reason: SwarmError): void {
    this.#stopped = reason;
    this.#ticker.stop();
    this.#lifetime.abort(reason);
    this.#proposals.rejectAll(reason);
    this.#leadership.set({ isLeader: false, leaderId: noRaftId, term: this.#core.term });
  }

  #close(): Promise<void> {
    this.#closing ??= this.#loop.then(() => this.#parts.store.close());
    return this.#closing;
  }

  /**
   * Stops the node and closes its log. A leader hands over first (unless told not to), for at most an election timeout;
   * waiting proposals are rejected. Idempotent.
   */
  async stop({ handOver = true }: { handOver?: boolean } = {}): Promise<void> {
    if (handOver && this.#stopped === undefined && this.#core.isLeader && this.#core.voters.length > 1) {
      try {
        await this.transferLeadership();
      } catch (error) {
        this.#parts.log.info({ reason: messageOf(error) }, "raft leader stops without a successor");
      }
    }
    if (this.#stopped === undefined) this.#halt(unavailable("raft: this manager is stopping"));
    await this.#close();
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
    const done = data.map((bytes) => this.#promise(() => this.#proposeOne(bytes)));
    this.#wakeup.notify();
    return done;
  }

  #proposeOne(data: Buffer): Promise<void> {
    if (data.length > proposalBytesMax) {
      throw resourceExhausted("raft: raft message is too large and can't be sent");
    }
    this.#requireLeadership();
    return this.#proposals.add(this.#core.propose(data), this.#core.term);
  }

  #requireLeadership(): void {
    if (this.#stopped !== undefined) throw this.#stopped;
    if (this.#readyTerm === undefined || !this.#core.isLeader) throw lostLeadership();
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
    this.#requireLeadership();
    const done = this.#proposals.add(this.#core.proposeConfChange(change), this.#core.term);
    this.#wakeup.notify();
    return done;
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
    if (this.#stopped !== undefined) throw this.#stopped;
    const status = this.#core.status();
    if (status.role !== "leader") throw lostLeadership();
    const target = to ?? bestSuccessor(status, (raftId) => this.reachable(raftId));
    if (target === undefined) throw failedPrecondition("raft: no other manager can be reached to take over leadership");
    this.#core.transferLeadership(target);
    this.#wakeup.notify();
    const within = milliseconds(this.#electionTicks * this.#ticker.interval);
    await termOver(this.#leadership, status.term, { clock: this.#parts.clock, within });
  }

  /** A message from another member; the caller has checked who may send what. */
  step(message: RaftMessage): void {
    this.#input(() => this.#core.step(message));
  }

  reportUnreachable(raftId: RaftId): void {
    this.#input(() => this.#core.reportUnreachable(raftId));
  }

  reportDisconnected(raftId: RaftId): void {
    this.#input(() => this.#core.reportDisconnected(raftId));
  }

  reportSnapshot(raftId: RaftId, ok: boolean): void {
    this.#input(() => this.#core.reportSnapshot(raftId, ok));
  }

  reportRefused(raftId: RaftId, reason: Error): void {
    const { leaderId } = this.#core.status();
    // Somebody else's view does not matter to a member that its leader hears.
    if (leaderId === noRaftId || leaderId === raftId) this.#fail(reason);
  }

  reportRemoved(): void {
    if (this.#wasRemoved) return;
    this.#wasRemoved = true;
    this.#parts.log.info({ raftId: this.#self.raftId }, "this manager was removed from the cluster");
    this.#parts.onRemoved();
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
    return this.#leadership.current;
  }

  /** Calls `listener` at each change, not for the current state; returns how to stop. */
  onLeadership(listener: LeadershipListener): () => void {
    return this.#leadership.subscribe(listener);
  }

  /** Takes effect at once. All members should change together: the election timeout is counted in ticks. */
  setTickInterval(interval: Duration): void {
    this.#ticker.interval = interval;
  }

  get tickInterval(): Duration {
    return this.#ticker.interval;
  }

  /** Changes the data key: see LogStore.rekey. */
  rekey(): Promise<void> {
    return this.#parts.store.rekey();
  }
}
