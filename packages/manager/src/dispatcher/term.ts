// The dispatcher of one leadership: everything here is in memory and ends with it.
import { isDeepStrictEqual } from "node:util";
import {
  aborted,
  type Clock,
  type Deferred,
  type Duration,
  deferred,
  failedPrecondition,
  type Logger,
  milliseconds,
  notFound,
  type Random,
  seconds,
  TaskGroup,
} from "@mswarm/runtime";
import { type Change, clusters, isChangeOf, nodes, type Store, tasks } from "@mswarm/store";
import type { Cluster, Node } from "@mswarm/wire";
import { DeadlineGroup } from "./deadline-group.ts";
import { isNews, markDown, markReady, markUnknown, type Registration } from "./node-status.ts";
import { nextPeriod, type Rhythm, rhythmOf } from "./rhythm.ts";
import type { Session } from "./session.ts";
import { clusterView, type ManagerList } from "./session-message.ts";
import { Sessions } from "./sessions.ts";
import { StatusUpdates } from "./status-updates.ts";

/** An mswarm worker whose connection was reset comes back within a second, or it is gone. */
const suspectGrace = seconds(3);

const expiryGrain = milliseconds(100);

/** Why a leader's streams end; exported so that a stream can tell this end from others. */
export const mustDisconnect = (): Error => aborted("node must disconnect");
export const dispatcherStopped = (): Error => aborted("dispatcher is stopped");

export interface DispatcherParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** This manager. */
  readonly nodeId: string;
  readonly clusterId: string;
  readonly managers: ManagerList;
  /** The node runs mswarm, so it comes back at once when its connection was only cut: silence means more. */
  readonly isMswarmNode: (node: Node) => boolean;
}

export class DispatcherTerm {
  readonly parts: DispatcherParts;
  readonly sessions: Sessions;
  readonly statuses: StatusUpdates;
  readonly #work: TaskGroup;
  readonly #failed: Deferred<void> = deferred();
  readonly #ready: Deferred<void> = deferred();
  readonly #deadlines: DeadlineGroup;
  readonly #unknown: DeadlineGroup;
  readonly #registering = new Map<string, number>();

  constructor(parts: DispatcherParts, signal: AbortSignal) {
    this.parts = parts;
    this.#work = new TaskGroup(signal, (_name, error) => {
      // A write that was refused because leadership is over: the signal is on its way.
      if (parts.store.isLeading) this.#failed.reject(error instanceof Error ? error : aborted(String(error)));
    });
    this.sessions = new Sessions(parts);
    this.statuses = new StatusUpdates({ ...parts, work: this.#work });
    this.#deadlines = new DeadlineGroup(parts.clock, expiryGrain, (nodeIds) => this.#expire(nodeIds));
    this.#unknown = new DeadlineGroup(parts.clock, expiryGrain, (nodeIds) =>
      this.#down(nodeIds, 'heartbeat failure for node in "unknown" state'),
    );
  }

  /** Runs until the signal aborts; rejects when a write fails, since a dispatcher that cannot write is no leader's. */
  async run(): Promise<void> {
    const { store, managers } = this.parts;
    const endWatch = store.watch((changes) => this.#changed(changes), [tasks, nodes, clusters]);
    const endManagers = managers.onChange(() => this.#notifyAll());
    const over = deferred();
    const onAbort = (): void => over.resolve();
    if (this.signal.aborted) onAbort();
    else this.signal.addEventListener("abort", onAbort, { once: true });
    this.#work.run("dispatcher: start", () => this.#begin());
    try {
      await Promise.race([over.promise, this.#failed.promise]);
    } finally {
      this.signal.removeEventListener("abort", onAbort);
      endWatch();
      endManagers();
      this.#deadlines.clear();
      this.#unknown.clear();
      this.#ready.reject(dispatcherStopped());
      // The signal first: by it the streams know that this end is a farewell.
      const closing = this.#work.close();
      for (const session of [...this.sessions.all()]) this.sessions.remove(session.nodeId, mustDisconnect());
      await closing;
    }
  }

  /** Aborts when this leadership, or the dispatcher's part of it, is over. */
  get signal(): AbortSignal {
    return this.#work.signal;
  }

  /** Resolves when the nodes of the old leader have been marked; fails with ABORTED when the term ends before. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /**
   * The session of a node that calls: the live one it names, or a new one.
   * Errors: UNAVAILABLE when it registers too often, FAILED_PRECONDITION when another daemon is registered as this
   * node, and those of `markReady`.
   */
  async register(registration: Registration, sessionId: string | undefined): Promise<Session> {
    const { nodeId } = registration;
    const live = this.sessions.get(nodeId);
    const isLive = live !== undefined && live.id === sessionId;
    if (!isLive && this.sessions.isTwin(nodeId, sessionId ?? "")) throw this.#twin(nodeId, registration.address);
    if (!isLive) this.sessions.countRegistration(nodeId);
    if (isNews(this.parts.store, registration)) this.sessions.countNews(nodeId);
    this.#registering.set(nodeId, (this.#registering.get(nodeId) ?? 0) + 1);
    try {
      await markReady(this.parts.store, registration);
    } finally {
      const others = (this.#registering.get(nodeId) ?? 1) - 1;
      if (others > 0) this.#registering.set(nodeId, others);
      else this.#registering.delete(nodeId);
    }
    if (this.signal.aborted) throw dispatcherStopped();
    const session = isLive && this.sessions.get(nodeId) === live ? live : this.sessions.add(nodeId);
    this.#unknown.delete(nodeId);
    const { period, grace } = this.#rhythm(nodeId);
    this.#deadlines.set(nodeId, milliseconds(period * grace));
    return session;
  }

  /** Takes a sign of life; returns when the next one is expected. */
  heartbeat(session: Session): Duration {
    const rhythm = this.#rhythm(session.nodeId);
    const period = nextPeriod(rhythm, this.parts.random);
    this.#deadlines.set(session.nodeId, milliseconds(period * rhythm.grace));
    return period;
  }

  /** The connection of a node broke: an mswarm node that is not heard of again soon is DOWN. */
  suspect(nodeId: string): void {
    const node = this.parts.store.view((tx) => tx.get(nodes, nodeId));
    if (node !== undefined && this.parts.isMswarmNode(node)) this.#deadlines.shorten(nodeId, suspectGrace);
  }

  /** The node says that it goes: it is DOWN at once. Fails as `Sessions.require` does. */
  leave(nodeId: string, sessionId: string | undefined): void {
    const session = this.sessions.require(nodeId, sessionId);
    this.#drop(session.nodeId, mustDisconnect());
    this.#down([nodeId], "node left");
  }

  #twin(nodeId: string, address: string): Error {
    const other = this.parts.store.view((tx) => tx.get(nodes, nodeId))?.status?.addr ?? "";
    this.parts.log.warn({ node: nodeId, addresses: [other, address] }, "two daemons use the identity of one node");
    return failedPrecondition(
      `another daemon is registered as node ${nodeId}, from ${other}: two daemons use one state directory, or a copy of it. Stop one of them, delete its state directory, and let it join as a new node`,
    );
  }

  async #begin(): Promise<void> {
    const unknown = await markUnknown(this.parts.store);
    if (this.signal.aborted) return;
    for (const nodeId of unknown) {
      const { period, unknownGrace } = this.#rhythm(nodeId);
      this.#unknown.set(nodeId, milliseconds(period * unknownGrace));
    }
    this.#ready.resolve();
  }

  #expire(nodeIds: readonly string[]): void {
    // A node that is just registering again is alive, whatever its old session missed.
    const gone = nodeIds.filter((nodeId) => !this.#registering.has(nodeId));
    for (const nodeId of nodeIds)
      if (this.#registering.has(nodeId)) this.#deadlines.set(nodeId, this.#rhythm(nodeId).period);
    for (const nodeId of gone) this.sessions.remove(nodeId, mustDisconnect());
    this.#down(gone, "heartbeat failure");
  }

  #down(nodeIds: readonly string[], message: string): void {
    if (nodeIds.length === 0) return;
    const isBack = (nodeId: string): boolean =>
      this.sessions.get(nodeId) !== undefined || this.#registering.has(nodeId);
    this.parts.log.info({ nodes: nodeIds, reason: message }, "nodes are down");
    this.#work.run("dispatcher: nodes down", () => markDown(this.parts.store, nodeIds, { message, isBack }));
  }

  #drop(nodeId: string, error: Error): void {
    this.#deadlines.delete(nodeId);
    this.#unknown.delete(nodeId);
    this.sessions.remove(nodeId, error);
  }

  #forget(nodeId: string): void {
    this.#drop(nodeId, notFound("node not registered"));
    this.sessions.forget(nodeId);
    this.statuses.forget(nodeId);
  }

  // One watch for all streams: a change costs as much as the number of nodes it is about.
  #changed(changes: readonly Change[]): void {
    for (const change of changes) {
      if (isChangeOf(change, tasks)) {
        const { object, previous } = change;
        this.#taskChanged(object.nodeId, object.id);
        if (previous !== undefined && previous.nodeId !== object.nodeId) this.#taskChanged(previous.nodeId, object.id);
      } else if (isChangeOf(change, nodes)) {
        const nodeId = change.object.id ?? "";
        if (change.kind === "remove") this.#forget(nodeId);
        else this.sessions.get(nodeId)?.notify();
      } else if (isChangeOf(change, clusters) && change.object.id === this.parts.clusterId) {
        this.#clusterChanged(change.object, change.previous);
      }
    }
  }

  #taskChanged(nodeId: string | undefined, taskId: string | undefined): void {
    if (nodeId !== undefined && nodeId !== "") this.sessions.get(nodeId)?.taskChanged(taskId ?? "");
  }

  #clusterChanged(cluster: Cluster, previous: Cluster | undefined): void {
    if (!isDeepStrictEqual(clusterView(cluster), clusterView(previous))) this.#notifyAll();
  }

  #notifyAll(): void {
    for (const session of this.sessions.all()) session.notify();
  }

  #rhythm(nodeId: string): Rhythm {
    const { store, clusterId, isMswarmNode } = this.parts;
    return store.view((tx) => {
      const node = tx.get(nodes, nodeId);
      return rhythmOf(tx.get(clusters, clusterId), node !== undefined && isMswarmNode(node));
    });
  }
}
