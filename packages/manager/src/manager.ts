// A manager, leader or not: the store and Raft tied together, its services, and the leader's loops while it leads.

import type { CryptoProvider } from "@mswarm/pki";
import { type LogStore, RaftNode, type RaftNodeOptions, type RaftStart } from "@mswarm/raft";
import {
  type BoundService,
  type Channel,
  createRpcServer,
  type ListenAddress,
  type NodeIdentity,
  type PeerVerifier,
  type RpcServer,
  type TlsMaterial,
} from "@mswarm/rpc";
import { aborted, type Clock, childAbort, type Logger, messageOf, milliseconds, type Random } from "@mswarm/runtime";
import { clusters, Store } from "@mswarm/store";
import type { RaftConfig } from "@mswarm/wire";
import { type LeaderTerm, startLeader } from "./leader.ts";
import { LeaderLocator } from "./leader-location.ts";
import { bootstrapCluster, type InitialCluster } from "./membership/bootstrap.ts";
import { onNodeRemoved, removedNodes } from "./membership/removed-nodes.ts";
import { peerProbe } from "./peer-probe.ts";
import { loadedLog, newRaftId, requestJoin } from "./raft-join.ts";
import { ObservedTransport, RaftHolder, raftGroup } from "./raft-views.ts";
import { type ManagerServices, managerServices } from "./services.ts";
import { PeerTransport } from "./state/peer-transport.ts";
import { ReplicatedStore } from "./state/replicated-store.ts";

export interface ManagerOptions {
  readonly identity: NodeIdentity;
  readonly listen: ListenAddress;
  /** host:port that other managers dial. */
  readonly advertiseAddress: string;
  /** Of this daemon. */
  readonly version: string;
  readonly start:
    | { readonly kind: "bootstrap"; readonly initial: InitialCluster }
    /** Goes on with the log on disk or, when there is none, asks the cluster to be admitted. */
    | { readonly kind: "member" };
}

export interface ManagerParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly crypto: CryptoProvider;
  readonly tls: TlsMaterial;
  readonly verifier: PeerVerifier;
  /** Opened and not loaded; the manager owns it from now on. */
  readonly logStore: LogStore;
  /** A new channel to the manager at an address; whoever asks for it closes it. */
  readonly openChannel: (address: string) => Channel;
  /** A new channel to some manager of the cluster, to be admitted by it. */
  readonly joinChannel: () => Channel;
  /** The manager cannot go on: its disk failed. */
  readonly onFailure: (error: Error) => void;
  readonly onRemoved: () => void;
}

/** How long a stopping manager waits for calls that are under way. */
const closeGrace = milliseconds(200);
const readyPoll = milliseconds(10);

/** What exists before Raft runs: a manager serves before it is admitted, because whoever admits it calls back. */
interface Foundation {
  readonly store: Store;
  readonly replicated: ReplicatedStore;
  readonly holder: RaftHolder;
  readonly transport: PeerTransport;
  readonly observed: ObservedTransport;
  readonly locator: LeaderLocator;
  readonly services: ManagerServices;
  readonly server: RpcServer;
}

export class Manager {
  readonly raft: RaftNode;
  readonly store: Store;
  readonly #options: ManagerOptions;
  readonly #parts: ManagerParts;
  readonly #foundation: Foundation;
  readonly #lifetime = childAbort(new AbortController().signal);
  readonly #undo: (() => void)[] = [];
  #term: LeaderTerm | undefined;
  #turn: Promise<void> = Promise.resolve();

  private constructor(options: ManagerOptions, parts: ManagerParts, foundation: Foundation, raft: RaftNode) {
    this.#options = options;
    this.#parts = parts;
    this.#foundation = foundation;
    this.raft = raft;
    this.store = foundation.store;
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

  /** Resolves when a leader is known and the cluster's state has arrived here. */
  async ready(signal: AbortSignal): Promise<void> {
    while (!this.#isReady()) await this.#parts.clock.sleep(readyPoll, signal);
  }

  /** Hands leadership over (unless told not to), ends sessions and calls, closes the log. Idempotent. */
  async stop({ handOver }: { readonly handOver: boolean }): Promise<void> {
    const { server, transport, locator } = this.#foundation;
    const { log } = this.#parts;
    if (handOver && this.raft.leadership.isLeader && this.raft.members().length > 1) {
      await this.raft.transferLeadership().catch((error: unknown) => {
        log.info({ reason: messageOf(error) }, "leadership was not handed over");
      });
    }
    this.#lifetime.abort(aborted("this manager is stopping"));
    this.#reconsider();
    await this.#turn;
    for (const undo of this.#undo.splice(0).reverse()) undo();
    await server.close(closeGrace);
    locator.close();
    await this.raft.stop({ handOver: false });
    transport.close();
  }

  #isReady(): boolean {
    const { leaderId, isLeader } = this.raft.leadership;
    const hasLeader = isLeader || (leaderId !== "0" && leaderId !== this.raft.self.raftId);
    return hasLeader && this.store.view((tx) => tx.get(clusters, this.#options.identity.clusterId)) !== undefined;
  }

  #run(): void {
    const { server, observed, locator } = this.#foundation;
    this.#undo.push(
      // First: the loops of a leader need a store that they can write to.
      this.#foundation.replicated.connect(this.raft),
      this.raft.onLeadership(() => this.#reconsider()),
      onNodeRemoved(this.store, this.#options.identity.clusterId, (nodeId) => server.disconnect(nodeId)),
      observed.onChange(() => locator.membersChanged()),
    );
    this.#reconsider();
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
    // A new term means new loops, also when this manager led the one before.
    if (term !== undefined && (!shouldLead || term.number !== this.raft.leadership.term)) {
      this.#term = undefined;
      await term.stop();
      this.#parts.log.info({ term: term.number }, "this manager no longer leads");
    }
    if (shouldLead && this.#term === undefined) await this.#lead();
  }

  async #lead(): Promise<void> {
    const { clock, random, log } = this.#parts;
    const { start, identity } = this.#options;
    const { store, services, holder } = this.#foundation;
    const { term } = this.raft.leadership;
    log.info({ term }, "this manager leads");
    if (start.kind === "bootstrap") {
      try {
        await bootstrapCluster({ store, random }, start.initial);
      } catch (error) {
        log.warn({ reason: messageOf(error) }, "the cluster's first objects were not written by this leader");
        return;
      }
    }
    const parts = { store, clock, random, log, clusterId: identity.clusterId, raft: raftGroup(holder), ...services };
    this.#term = startLeader(parts, { number: term, lifetime: this.#lifetime.signal, onFailure: () => this.#giveUp() });
  }

  /** A leader that cannot do its work lets another one try; where there is none, it tries again itself. */
  #giveUp(): void {
    const { log } = this.#parts;
    this.raft.transferLeadership().catch((error: unknown) => {
      log.warn({ reason: messageOf(error) }, "nobody can take over leadership: starting the leader's loops again");
      const failed = this.#term;
      this.#term = undefined;
      this.#turn = this.#turn.then(() => failed?.stop());
      this.#reconsider();
    });
  }
}

function layFoundation(options: ManagerOptions, parts: ManagerParts): Foundation {
  const { identity, version } = options;
  const { clock, random, log, crypto, tls, verifier, openChannel } = parts;
  const store = new Store({ clock, random, log });
  const replicated = new ReplicatedStore(store);
  const holder = new RaftHolder();
  const transport = new PeerTransport({ openPeerChannel: openChannel, clock, random, log, version });
  const observed = new ObservedTransport(transport);
  const locator = new LeaderLocator({
    clock,
    openChannel,
    leadership: () => holder.leadership,
    members: () => holder.members(),
    raftId: () => holder.raftId,
  });
  const services = managerServices({
    clock,
    random,
    log,
    crypto,
    identity,
    version,
    store,
    raft: holder,
    managers: observed,
    probe: peerProbe(openChannel, version),
    forward: locator,
  });
  const server = createRpcServer({
    tls,
    verifier,
    services: services.remote,
    clusterId: () => identity.clusterId,
    isRemoved: removedNodes(store, identity.clusterId),
    isRaftMember: (nodeId) => holder.members().some((member) => member.nodeId === nodeId),
    clock,
    log,
  });
  return { store, replicated, holder, transport, observed, locator, services, server };
}

async function startRaft(
  options: ManagerOptions,
  parts: ManagerParts,
  foundation: Foundation,
  signal: AbortSignal,
): Promise<RaftNode> {
  const { clock, random, log, onFailure, onRemoved } = parts;
  const { transport, observed, holder, replicated } = foundation;
  const self = { nodeId: options.identity.nodeId, address: options.advertiseAddress };
  const { hasLog, store: logStore } = await loadedLog(parts.logStore);
  const start = hasLog
    ? ({ kind: "restart" } as const)
    : options.start.kind === "bootstrap"
      ? ({ kind: "bootstrap", self: { raftId: newRaftId(random), ...self } } as const)
      : await requestJoin(self, parts, signal);
  const raft = await RaftNode.start(snapshotSettings(start, foundation.store, options.identity.clusterId), {
    store: logStore,
    stateMachine: replicated,
    transport: observed,
    clock,
    random,
    log,
    onFailure,
    onRemoved,
  });
  holder.current = raft;
  transport.attach(raft, raft.self.raftId);
  return raft;
}

/** The cluster's own settings, in force from the moment they are applied here. Zero keeps the default. */
function snapshotSettings(start: RaftStart, store: Store, clusterId: string): RaftNodeOptions {
  const settings = (): RaftConfig => store.view((tx) => tx.get(clusters, clusterId))?.spec?.raft ?? {};
  return {
    start,
    get snapshotInterval() {
      return Number(settings().snapshotInterval ?? 0) || 10_000;
    },
    get entriesKept() {
      return Number(settings().logEntriesForSlowFollowers ?? 0) || 500;
    },
  };
}
