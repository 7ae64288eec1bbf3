// The loop around a RaftCore: inputs go in, and what each ready asks for is done in its order. RaftNode is its face.
import { childAbort, type Duration, messageOf, type SwarmError, unavailable, Wakeup } from "@mswarm/runtime";
import { noRaftId, type RaftId, type Snapshot } from "../core/messages.ts";
import type { RaftCore } from "../core/raft-core.ts";
import type { Ready } from "../core/ready.ts";
import { LeadershipFeed } from "./leadership.ts";
import { LogApplication } from "./log-application.ts";
import type { MemberList } from "./member-list.ts";
import { lostLeadership, Proposals } from "./proposals.ts";
import type { RaftNodeParts } from "./raft-node-options.ts";
import { type SnapshotOptions, Snapshotter } from "./snapshotter.ts";
import { Ticker } from "./ticker.ts";
import { TurnBudget } from "./turn-budget.ts";

export interface RaftDriverParts extends RaftNodeParts {
  readonly core: RaftCore;
  readonly list: MemberList;
  readonly self: RaftId;
  readonly tickInterval: Duration;
  /** Asked each time. */
  readonly snapshots: () => SnapshotOptions;
  /** Where the newest snapshot on disk stands. */
  readonly snapshotIndex: number;
}

/**
 * Gives one core time and messages, and does its duties. Nothing is acknowledged before the disk has it; a disk that
 * fails, and whatever the core throws about itself, ends the loop and is reported once.
 */
export class RaftDriver {
  readonly ticker: Ticker;
  readonly leadership: LeadershipFeed = new LeadershipFeed();
  readonly #parts: RaftDriverParts;
  readonly #core: RaftCore;
  readonly #application: LogApplication;
  readonly #snapshotter: Snapshotter;
  readonly #proposals: Proposals = new Proposals();
  readonly #wakeup: Wakeup = new Wakeup();
  readonly #lifetime = childAbort(new AbortController().signal);
  readonly #turn: TurnBudget;
  /** The term in which this member leads and has applied its whole log. */
  #readyTerm: number | undefined;
  #stopped: SwarmError | undefined;
  #loop: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(parts: RaftDriverParts) {
    this.#parts = parts;
    this.#core = parts.core;
    this.#turn = new TurnBudget(parts.clock);
    this.ticker = new Ticker(parts.clock, parts.tickInterval, () => this.input(() => this.#core.tick()));
    this.#application = new LogApplication(parts);
    const payload = () => parts.stateMachine.snapshot(parts.list.membership());
    this.#snapshotter = new Snapshotter(parts.snapshots, { ...parts, payload }, parts.snapshotIndex);
  }

  /** Brings the state machine up to date with what is known to be committed. */
  async recover(snapshot: Snapshot | undefined): Promise<void> {
    if (snapshot !== undefined) this.#restore(snapshot);
    this.#parts.transport.setMembers(this.#parts.list.all());
    while (this.#core.hasReady()) await this.#work(this.#core.takeReady());
  }

  /** Takes part from now on. A member that is alone campaigns at once. */
  run(): void {
    const { voters } = this.#core;
    if (voters.length === 1 && voters[0] === this.#parts.self) this.input(() => this.#core.campaign());
    this.ticker.start();
    this.#loop = this.#takeReadies(this.#lifetime.signal).catch((error: unknown) => this.fail(error));
  }

  /** Why it runs no more. */
  get stopped(): SwarmError | undefined {
    return this.#stopped;
  }

  /** Gives something to the core. What it throws about itself ends the loop. */
  input(give: () => void): void {
    if (this.#stopped !== undefined) return;
    try {
      give();
      this.#observe();
    } catch (error) {
      this.fail(error);
    }
    this.#wakeup.notify();
  }

  /**
   * Appends something to the log of a leader.
   *
   * @param append  gives its index
   * @returns resolves when it was applied here
   * @throws FAILED_PRECONDITION when not leading, UNAVAILABLE after a stop; what `append` throws
   */
  propose(append: () => number): Promise<void> {
    if (this.#stopped !== undefined) throw this.#stopped;
    if (this.#readyTerm === undefined || !this.#core.isLeader) throw lostLeadership();
    const done = this.#proposals.add(append(), this.#core.term);
    this.#wakeup.notify();
    return done;
  }

  wake(): void {
    this.#wakeup.notify();
  }

  /** Ends the loop because of `error`, and says so. */
  fail(error: unknown): void {
    if (this.#stopped !== undefined) return;
    const failure = error instanceof Error ? error : unavailable(messageOf(error));
    this.#parts.log.error({ error: failure }, "raft has stopped: this manager can neither vote nor lead");
    this.#halt(unavailable(`raft: this manager has stopped: ${failure.message}`, { cause: failure }));
    this.#close().catch((closing: unknown) => this.#parts.log.warn({ error: closing }, "raft log not closed"));
    this.#parts.onFailure(failure);
  }

  /** Ends the loop and closes the log. Idempotent. */
  async stop(): Promise<void> {
    if (this.#stopped === undefined) this.#halt(unavailable("raft: this manager is stopping"));
    await this.#close();
  }

  async #takeReadies(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#core.hasReady()) await this.#work(this.#core.takeReady());
      else if (await this.#woken(signal)) this.#turn.renew();
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
      this.#turn.renew();
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
    snapshotting?.then(() => this.#wakeup.notify()).catch((error: unknown) => this.fail(error));
    await this.#turn.pauseIfSpent();
  }

  #restore(snapshot: Snapshot): void {
    this.#application.restore(snapshot);
    this.#snapshotter.restored(snapshot.meta.index);
  }

  /** Lost leadership is announced at once; nobody may wait for the disk to learn of it. */
  #observe(leaderId?: RaftId): void {
    const { isLeader, term } = this.#core;
    if (!isLeader || this.#readyTerm !== term) this.#readyTerm = undefined;
    const isReady = this.#readyTerm !== undefined;
    const current = this.leadership.current;
    if (leaderId === undefined && current.isLeader === isReady && current.term === term) return;
    if (!isLeader || current.term !== term) this.#proposals.rejectAll(lostLeadership());
    this.leadership.set({ isLeader: isReady, leaderId: leaderId ?? this.#core.status().leaderId, term });
  }

  #halt(reason: SwarmError): void {
    this.#stopped = reason;
    this.ticker.stop();
    this.#lifetime.abort(reason);
    this.#proposals.rejectAll(reason);
    this.leadership.set({ isLeader: false, leaderId: noRaftId, term: this.#core.term });
  }

  #close(): Promise<void> {
    this.#closing ??= this.#loop.then(() => this.#parts.store.close());
    return this.#closing;
  }
}
