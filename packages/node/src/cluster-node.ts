// This node as a member of a cluster: a worker always, a manager while its certificate says so. Owns the certificate's
// renewal and what follows from it.
import type { AdmissionStep, InitialCluster, Manager } from "@mswarm/manager";
import { type IssuanceClient, type NodeCertificate, Renewer, requestNodeCertificate } from "@mswarm/pki";
import { type Channel, openUnixChannel } from "@mswarm/rpc";
import {
  aborted,
  dateOf,
  failedPrecondition,
  type Logger,
  messageOf,
  milliseconds,
  TaskGroup,
  throwIfAborted,
} from "@mswarm/runtime";
import type { SessionMessage } from "@mswarm/wire";
import { type RemotePeer, type Remotes, refusalOf } from "@mswarm/worker";
import { expiredText, removedText } from "./control-texts.ts";
import type { Credentials } from "./credentials.ts";
import { unixPath } from "./daemon-options.ts";
import { Departure } from "./departure.ts";
import { startHostedManager } from "./hosted-manager.ts";
import { issuanceClient, managerChannel, otherManagers, someManagerChannel } from "./manager-connections.ts";
import { ManagerHost } from "./manager-host.ts";
import { createNodeWorker, leaveInTime, type MachineParts } from "./node-worker.ts";
import { RememberedManagers } from "./remembered-managers.ts";
import { RoleChanges } from "./role-changes.ts";
import type { NodeSettings } from "./settings.ts";
import { WorkerHost } from "./worker-host.ts";

export interface ClusterNodeParts extends MachineParts {
  readonly credentials: Credentials;
  readonly settings: NodeSettings;
  /** As they were read from disk; the node's own from now on. */
  readonly remotes: Remotes;
  /** For the first manager of a new cluster. */
  readonly initial?: InitialCluster;
}

/** How often it is looked whether this node is ready, or served. */
const statePoll = milliseconds(10);

export class ClusterNode {
  readonly #parts: ClusterNodeParts;
  readonly #tasks: TaskGroup;
  readonly #known: RememberedManagers;
  readonly #managers: ManagerHost<Manager>;
  readonly #renewer: Renewer;
  readonly #worker: WorkerHost;
  readonly #roles: RoleChanges;
  readonly #departure: Departure;
  #initial: InitialCluster | undefined;
  #notAdmitted: string | undefined;
  #isWorking = false;
  #isServing = false;
  /** Why the managers want nothing to do with this node. */
  #refusal: string | undefined;

  private constructor(parts: ClusterNodeParts) {
    const { clock, random, log, credentials, state } = parts;
    this.#parts = parts;
    this.#initial = parts.initial;
    this.#tasks = new TaskGroup(new AbortController().signal, (name, error) => reportDefect(log, name, error));
    this.#known = new RememberedManagers(parts.remotes, state.stateFile, log);
    this.#departure = new Departure({ ...parts, known: this.#known });
    this.#roles = new RoleChanges({
      nodeId: credentials.identity.nodeId,
      role: () => credentials.certificate.role,
      joinsAsManager: parts.settings.phase !== "member" && credentials.isManager,
      otherManagers: () => otherManagers(this.#known.remotes, credentials, parts.settings.advertiseAddress),
      openChannel: (address) => managerChannel(address, credentials, clock),
      renewNow: (role) => this.#renewer.renewNow(role),
      tasks: this.#tasks,
      log,
    });
    this.#managers = new ManagerHost({
      clock,
      random,
      log,
      isManager: () => this.#mayManage,
      startManager: async (onEnded, signal) => {
        if (this.#initial === undefined && !state.hasLog()) await this.#roles.requireCommonQuorum(signal);
        const own = { raftDirectory: state.raft, initial: this.#initial };
        const onAdmissionStep = (step: AdmissionStep): void => this.#stepped(step);
        const manager = await startHostedManager({ ...parts, ...own, onAdmissionStep }, onEnded, signal);
        // It holds the cluster's root key. The manager has taken it over; a later one finds it in the log.
        this.#initial = undefined;
        this.#startWorker();
        return manager;
      },
      clearLog: () => state.clearRaft(),
      onRemoved: () => this.#renewer.renewNow("swarm-worker"),
    });
    this.#renewer = new Renewer({
      clock,
      random,
      log,
      current: () => credentials.certificate,
      requestCertificate: (signal) => this.#requestCertificate(signal),
      onRenewed: (certificate) => this.#renewed(certificate),
    });
    const workerParts = {
      ...parts,
      localChannel: () => this.#localChannel(),
      onSessionMessage: (message: SessionMessage) => this.#told(message),
      onSessionFailure: (error: unknown) => {
        this.#refusal = refusalOf(error)?.sentence;
      },
    };
    this.#worker = new WorkerHost({ clock, random, log, createWorker: () => createNodeWorker(workerParts) });
  }

  /** Starts the worker and, where this node is one, the manager. What fails is tried again until `stop`. */
  static start(parts: ClusterNodeParts): ClusterNode {
    const node = new ClusterNode(parts);
    node.#tasks.run("manager", (signal) => node.#managers.run(signal));
    // Others learn of a new manager by its worker: not before it is one, because a join that fails is to leave no trace.
    if (parts.settings.phase === "member" || !parts.credentials.isManager) node.#startWorker();
    node.#tasks.run("certificate renewal", (signal) => node.#renewer.run(signal));
    return node;
  }

  /** The running manager, also before it is ready. */
  get manager(): Manager | undefined {
    return this.#managers.manager;
  }

  /** By its certificate, unless Raft has removed it (then the certificate will follow), or it cannot be one here. */
  get isManager(): boolean {
    return this.#mayManage && !this.#managers.wasRemoved;
  }

  /** True once a manager has taken this node's worker. It goes on working while its own manager is on its way. */
  get isServing(): boolean {
    return this.#isServing;
  }

  get #mayManage(): boolean {
    return this.#parts.credentials.isManager && this.#roles.refusal === undefined;
  }

  /** What a person should know although this node does its work, in a sentence. */
  get notice(): string | undefined {
    return this.#roles.refusal;
  }

  get knownManagers(): readonly RemotePeer[] {
    return this.#known.remotes.peers;
  }

  /** What keeps this node from doing its work, in a sentence; undefined when nothing does. */
  get problem(): string | undefined {
    const { clock, credentials } = this.#parts;
    if (clock.now() > credentials.certificate.notAfter) return expiredText;
    if (this.#worker.wasRemoved) return removedText;
    return this.#refusal ?? this.#managers.failure?.message ?? this.#worker.failure;
  }

  /** What this node waits for while its manager is not admitted to Raft, in a sentence. */
  get hindrance(): string | undefined {
    return this.problem ?? (this.manager === undefined ? this.#notAdmitted : undefined);
  }

  /**
   * Resolves when the manager knows a leader and the cluster's state, or at once on a worker (whose sessions come and go).
   *
   * @param isFinal  which failures of the manager's start to give up on; they reject. Others are waited out
   */
  async ready(isFinal: (failure: Error) => boolean, signal: AbortSignal): Promise<void> {
    const { clock, credentials } = this.#parts;
    const either = AbortSignal.any([signal, this.#tasks.signal]);
    while (credentials.isManager) {
      const { manager, failure } = this.#managers;
      if (failure !== undefined && isFinal(failure)) throw failure;
      if (this.#roles.refusal !== undefined) throw failedPrecondition(this.#roles.refusal);
      if (manager?.isReady === true) return;
      await clock.sleep(statePoll, either);
    }
    throwIfAborted(either);
  }

  /** Resolves once a manager has taken this node's worker: before that it has no name and no state in the cluster. */
  async served(signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.#tasks.signal]);
    while (!this.#isServing) await this.#parts.clock.sleep(statePoll, either);
  }

  /**
   * Stops everything. Containers are left for the next start, unless this node leaves its cluster: then they are
   * removed, and the managers are told.
   */
  async stop({ leave }: { readonly leave: boolean }): Promise<void> {
    if (leave) {
      await leaveInTime(this.#worker, this.#parts);
      if (this.manager !== undefined && !this.#tasks.signal.aborted) await this.#departure.leaveRaft(this.manager);
    }
    await this.#tasks.close(aborted("this node is stopping"));
  }

  /** See Departure.withdraw. */
  withdraw(): Promise<boolean> {
    return this.#departure.withdraw();
  }

  /** See Departure.retractJoin. */
  retractJoin(): Promise<void> {
    return this.#departure.retractJoin();
  }

  #startWorker(): void {
    if (this.#isWorking || this.#tasks.signal.aborted) return;
    this.#isWorking = true;
    this.#tasks.run("worker", (signal) => this.#worker.run(signal));
  }

  #stepped(step: AdmissionStep): void {
    if (step.kind === "asking") this.#departure.admissionAsked(step.raftId);
    else this.#notAdmitted = messageOf(step.error);
  }

  #localChannel(): Channel | undefined {
    if (this.manager === undefined) return undefined;
    return openUnixChannel(unixPath(this.#parts.options.control, "--control"), { clock: this.#parts.clock });
  }

  async #requestCertificate(signal: AbortSignal): Promise<NodeCertificate> {
    const { clock, random, log, credentials } = this.#parts;
    let tries = 0;
    const issued = await requestNodeCertificate(
      { rootPem: credentials.rootPem },
      {
        crypto: globalThis.crypto,
        clock,
        random,
        log,
        connect: async (trySignal): Promise<IssuanceClient> => {
          throwIfAborted(trySignal);
          tries += 1;
          // The manager on this node first; another one when it does not answer (wire 3.6).
          const local = tries === 1 ? this.#localChannel() : undefined;
          return issuanceClient(local ?? someManagerChannel(credentials, this.#known.remotes, { clock, random }));
        },
      },
      signal,
    );
    return await credentials.renew(
      { certificatePem: issued.certificate.chainPem, keyPem: issued.keyPem },
      { clock, random },
    );
  }

  #renewed(certificate: NodeCertificate): void {
    const notAfter = dateOf(certificate.notAfter).toISOString();
    this.#parts.log.info({ role: certificate.role, notAfter }, "node certificate renewed");
    this.#roles.renewed(certificate);
    this.#managers.roleChanged();
    if (certificate.role === "swarm-worker") this.#startWorker();
    this.#worker.refreshDescription();
  }

  /** What a manager says of this node and of the cluster. Source: wire 6.2. */
  #told(message: SessionMessage): void {
    if (this.#tasks.signal.aborted) return;
    this.#refusal = undefined;
    this.#isServing = true;
    this.#tasks.run("remembering managers", () => this.#known.follow(message.managers ?? []));
    this.#tasks.run("adopting the root certificate", () => this.#adoptRoot(message.RootCA?.toString("utf8") ?? ""));
    this.#roles.told(message.node);
  }

  async #adoptRoot(rootPem: string): Promise<void> {
    const { credentials, clock, random, log } = this.#parts;
    try {
      if (await credentials.adoptRoot(rootPem, { clock, random })) {
        log.info({}, "adopted the cluster's new root certificate");
        // Whoever rotates the root waits until every node says which one it trusts.
        this.#worker.refreshDescription();
      }
    } catch (error) {
      log.warn({ reason: messageOf(error) }, "the cluster's new root certificate could not be saved");
    }
  }
}

/** None of a node's parts ends by itself; one that does is a defect, and the log is all that is left. */
function reportDefect(log: Logger, name: string, error: unknown): void {
  log.error({ task: name, err: error }, "a part of this node has ended");
}
