// A manager, leader or not: the store and Raft tied together, its services, and the leader's loops while it leads.

import type { RaftNode } from "@mswarm/raft";
import type { BoundService, NodeIdentity } from "@mswarm/rpc";
import { aborted, Backoff, childAbort, messageOf, milliseconds, seconds, TaskGroup } from "@mswarm/runtime";
import { clusters, type Store } from "@mswarm/store";
import { type LeaderTerm, startLeader } from "./leader.ts";
import { type Foundation, layFoundation } from "./manager-foundation.ts";
import type { ManagerOptions, ManagerParts } from "./manager-options.ts";
import { bootstrapCluster, type InitialCluster } from "./membership/bootstrap.ts";
import { announceOwnAddress } from "./membership/own-address.ts";
import { onNodeRemoved } from "./membership/removed-nodes.ts";
import { startRaft } from "./raft-start.ts";
import { raftGroup } from "./raft-views.ts";

/** How long a stopping manager waits for calls that are under way. */
const closeGrace = milliseconds(200);
const readyPoll = milliseconds(10);

export class Manager {
  readonly raft: RaftNode;
  readonly store: Store;
  readonly #identity: NodeIdentity;
  readonly #parts: ManagerParts;
  readonly #foundation: Foundation;
  readonly #lifetime = childAbort(new AbortController().signal);
  readonly #background: TaskGroup;
  readonly #undo: (() => void)[] = [];
  /** Between two tries of a leader whose loops fail and whom nobody can relieve. */
  readonly #failurePause: Backoff;
  #initial: InitialCluster | undefined;
  #term: LeaderTerm | undefined;
  /** The term whose loops are to be started again. */
  #failed: LeaderTerm | undefined;
  #turn: Promise<void> = Promise.resolve();
  #stopping: Promise<void> | undefined;

  private constructor(options: ManagerOptions, parts: ManagerParts, foundation: Foundation, raft: RaftNode) {
    this.#identity = options.identity;
    this.#parts = parts;
    this.#foundation = foundation;
    this.raft = raft;
    this.store = foundation.store;
    this.#initial = options.start.kind === "bootstrap" ? options.start.initial : undefined;
    this.#background = new TaskGroup(this.#lifetime.signal, (name, error) => {
      parts.log.error({ task: name, err: error }, "work in the background failed");
    });
    this.#failurePause = new Backoff({ base: seconds(1), max: seconds(30) }, parts.random);
  }

  /**
   * Listens, is admitted to Raft when it has no log, and takes part. Resolves when it does; whether there is a leader is
   * another question: `ready`.
   *
   * @param signal  ends the attempt to be admitted
   * Errors: UNAVAILABLE when the address cannot be listened on; those of the log store and of the admission.
   */
  static async start(options: ManagerOptions, parts: ManagerParts, signal: AbortSignal): Promise<Manager> {
    const foundation = layFoundation(options, parts);
    try {
      await foundation.server.listenTcp(options.listen);
      const raft = await startRaft(options, parts, foundation, signal);
      const manager = new Manager(options, parts, foundation, raft);
      manager.#run();
      manager.#announceAddress(options.advertiseAddress);
      return manager;
    } catch (error) {
      foundation.transport.close();
      foundation.locator.close();
      await foundation.server.close();
      await parts.logStore.close();
      throw error;
    }
  }

  /** For the control socket. */
  get localServices(): readonly BoundService[] {
    return this.#foundation.services.local;
  }

  /** Aborts, with the reason, when this manager begins to stop: whoever watches its store hears nothing more. */
  get lifetime(): AbortSignal {
    return this.#lifetime.signal;
  }

  /** Resolves when a leader is known and the cluster's state has arrived here. */
  async ready(signal: AbortSignal): Promise<void> {
    while (!this.isReady) await this.#parts.clock.sleep(readyPoll, signal);
  }

  /**
   * Hands leadership over (unless told not to), ends sessions and calls, closes the log. Bounded by an election timeout
   * and the grace for calls under way, also without a quorum. Idempotent.
   */
  stop(options: { readonly handOver: boolean }): Promise<void> {
    this.#stopping ??= this.#stop(options);
    return this.#stopping;
  }

  async #stop({ handOver }: { readonly handOver: boolean }): Promise<void> {
    const { server, transport, locator } = this.#foundation;
    const { log } = this.#parts;
    if (handOver && this.raft.leadership.isLeader && this.raft.members().length > 1) {
      await this.raft.transferLeadership().catch((error: unknown) => {
        log.info({ reason: messageOf(error) }, "leadership was not handed over");
      });
    }
    // Whoever waits for an answer is told of a full disk, not of what followed from it.
    this.#lifetime.abort(this.raft.stopped ?? aborted("this manager is stopping"));
    this.#reconsider();
    await server.close(closeGrace);
    locator.close();
    // Before the leader's loops are waited for: a write of theirs that finds no quorum ends with Raft, not before.
    await this.raft.stop({ handOver: false });
    await this.#turn;
    await this.#background.close();
    for (const undo of this.#undo.splice(0).reverse()) undo();
    transport.close();
  }

  /** True while a leader is known and the cluster's state has arrived here. */
  get isReady(): boolean {
    const { leaderId, isLeader } = this.raft.leadership;
    const hasLeader = isLeader || (leaderId !== "0" && leaderId !== this.raft.self.raftId);
    return hasLeader && this.store.view((tx) => tx.get(clusters, this.#identity.clusterId)) !== undefined;
  }

  #run(): void {
    const { server, observed, locator } = this.#foundation;
    this.#undo.push(
      // First: the loops of a leader need a store that they can write to.
      this.#foundation.replicated.connect(this.raft),
      this.raft.onLeadership(() => this.#reconsider()),
      this.raft.onLeadership(() => locator.leaderChanged()),
      onNodeRemoved(this.store, this.#identity.clusterId, (nodeId) => server.disconnect(nodeId)),
      observed.onChange(() => locator.membersChanged()),
    );
    this.#reconsider();
  }

  #announceAddress(address: string): void {
    const { raft } = this;
    this.#background.run("own address", (signal) => announceOwnAddress({ ...this.#parts, raft, address }, signal));
  }

  /** Starts or stops the leader's loops, one change after another, always towards what is true by then. */
  #reconsider(): void {
    this.#turn = this.#turn
      .then(() => this.#towardsLeadership())
      .catch((error: unknown) => this.#parts.log.error({ err: error }, "the leader's loops could not be changed"));
  }

  async #towardsLeadership(): Promise<void> {
    const shouldLead = this.raft.leadership.isLeader && !this.#lifetime.signal.aborted;
    const term = this.#term;
    // A new term means new loops, also when this manager led the one before; and so do loops that have failed.
    if (term !== undefined && (!shouldLead || term.number !== this.raft.leadership.term || term === this.#failed)) {
      this.#term = undefined;
      await term.stop();
      this.#parts.log.info({ term: term.number }, "this manager no longer leads");
    }
    if (shouldLead && this.#term === undefined) await this.#lead();
  }

  async #lead(): Promise<void> {
    const { clock, random, log } = this.#parts;
    const { clusterId } = this.#identity;
    const { store, services, holder } = this.#foundation;
    const { term } = this.raft.leadership;
    log.info({ term }, "this manager leads");
    if (this.#initial !== undefined) {
      try {
        await bootstrapCluster({ store, random }, this.#initial);
        // It holds the root's key, which is in the log now.
        this.#initial = undefined;
      } catch (error) {
        log.warn({ reason: messageOf(error) }, "the cluster's first objects were not written by this leader");
        return;
      }
    }
    const parts = { store, clock, random, log, clusterId, raft: raftGroup(holder), ...services };
    this.#term = startLeader(parts, {
      number: term,
      lifetime: this.#lifetime.signal,
      onFailure: () => void this.#giveUp(term),
    });
  }

  /** A leader that cannot do its work lets another one try; where there is none, it tries again itself. */
  async #giveUp(term: number): Promise<void> {
    const { log, clock } = this.#parts;
    try {
      await this.raft.transferLeadership();
    } catch (error) {
      log.warn({ reason: messageOf(error) }, "nobody can take over leadership: starting the leader's loops again");
      await clock.sleep(this.#failurePause.next(), this.#lifetime.signal).catch(() => undefined);
      if (this.#term?.number === term) this.#failed = this.#term;
      this.#reconsider();
    }
  }
}
