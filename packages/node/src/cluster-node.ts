// This node as a member of a cluster: a worker always, a manager while its certificate says so. Owns the certificate's
// renewal and what follows from it.
import { dirname } from "node:path";
import type { Engine } from "@mswarm/engine";
import { type InitialCluster, versionLabel } from "@mswarm/manager";
import { type IssuanceClient, type NodeCertificate, Renewer, requestNodeCertificate } from "@mswarm/pki";
import { type Channel, openUnixChannel } from "@mswarm/rpc";
import {
  aborted,
  type Clock,
  childAbort,
  deadlineExceeded,
  type Logger,
  messageOf,
  type Random,
  seconds,
  TaskGroup,
  throwIfAborted,
} from "@mswarm/runtime";
import type { SessionMessage } from "@mswarm/wire";
import {
  createWorker,
  type DescriptionOverrides,
  FileTaskJournal,
  managerConnector,
  type Remotes,
  TmpfsSecretMount,
  type Worker,
} from "@mswarm/worker";
import type { Credentials } from "./credentials.ts";
import { type DaemonOptions, unixPath } from "./daemon-options.ts";
import { issuanceClient, managerChannel, someManagerChannel } from "./manager-connections.ts";
import { endedText, ManagerHost } from "./manager-host.ts";
import { secretsDirectoryIn } from "./secrets-directory.ts";
import { type NodeSettings, saveRemotes } from "./settings.ts";
import type { StateDirectory } from "./state-directory.ts";
import { version } from "./version.ts";

export interface ClusterNodeParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly options: DaemonOptions;
  readonly state: StateDirectory;
  readonly credentials: Credentials;
  readonly settings: NodeSettings;
  readonly engine: Engine;
  readonly remotes: Remotes;
  /** This node was removed from the cluster, or cannot go on; `sentence` is for a person. */
  readonly onProblem: (sentence: string) => void;
}

/** For removing a leaving node's containers. */
const leaveLimit = seconds(30);

export class ClusterNode {
  readonly managers: ManagerHost;
  readonly #parts: ClusterNodeParts;
  readonly #lifetime = childAbort(new AbortController().signal);
  readonly #tasks: TaskGroup;
  readonly #renewer: Renewer;
  readonly #worker: Worker;
  #savedRemotes = "";

  private constructor(parts: ClusterNodeParts) {
    const { clock, random, log, credentials, options } = parts;
    this.#parts = parts;
    this.#tasks = new TaskGroup(this.#lifetime.signal, (name, error) => {
      log.error({ task: name, err: error }, "a part of this node failed");
      parts.onProblem(`${name} failed: ${messageOf(error)}`);
    });
    this.managers = new ManagerHost({
      clock,
      random,
      log,
      credentials,
      settings: parts.settings,
      remotes: parts.remotes,
      raftDirectory: parts.state.raft,
      onManagerEnded: (reason, error) => this.#managerEnded(reason, error),
    });
    this.#renewer = new Renewer({
      clock,
      random,
      log,
      current: () => credentials.certificate,
      requestCertificate: (signal) => this.#requestCertificate(signal),
      onRenewed: (certificate) => this.#renewed(certificate),
    });
    this.#worker = createWorker({
      engine: parts.engine,
      connect: managerConnector({
        remotes: parts.remotes,
        random,
        localChannel: () => this.#localChannel(),
        remoteChannel: (address) => managerChannel(address, credentials, clock),
      }),
      nodeId: credentials.certificate.nodeId,
      overrides: () => descriptionOf(parts),
      secretMount: new TmpfsSecretMount(secretsDirectoryIn(dirname(unixPath(options.control, "--control"))), {
        random,
        log,
      }),
      journal: new FileTaskJournal(parts.state.worker, { log }),
      extraLabels: options.lab === undefined ? {} : { "mswarm.lab": options.lab },
      ...(options.publishAddress === undefined ? {} : { hostPortAddress: options.publishAddress }),
      onSessionMessage: (message) => this.#told(message),
      clock,
      random,
      log,
    });
  }

  /**
   * Starts the manager, where this node is one, and the worker. Resolves when the manager serves.
   *
   * @param signal  ends the attempt to be admitted to Raft
   * @param initial  for the first manager of a new cluster
   */
  static async start(parts: ClusterNodeParts, signal: AbortSignal, initial?: InitialCluster): Promise<ClusterNode> {
    const node = new ClusterNode(parts);
    try {
      if (parts.credentials.isManager) await node.managers.start(signal, initial);
    } catch (error) {
      await node.stop({ leave: false });
      throw error;
    }
    node.#tasks.run("worker", (signal) => node.#worker.run(signal));
    node.#tasks.run("certificate renewal", (signal) => node.#renewer.run(signal));
    return node;
  }

  /** A node that runs nothing; `stop({ leave: true })` removes what an earlier run has left. */
  static unstarted(parts: ClusterNodeParts): ClusterNode {
    return new ClusterNode(parts);
  }

  get knownManagers(): Remotes["peers"] {
    return this.#parts.remotes.peers;
  }

  /** Resolves when the manager knows a leader, or at once on a worker (whose session comes and goes). */
  async ready(signal: AbortSignal): Promise<void> {
    await this.managers.manager?.ready(signal);
  }

  /**
   * Stops everything. Containers are left for the next start, unless this node leaves its cluster: then they are
   * removed, and the managers are told.
   */
  async stop({ leave }: { readonly leave: boolean }): Promise<void> {
    if (leave) await this.#leaveWorker();
    await this.#tasks.close(aborted("this node is stopping"));
    await this.managers.stop({ handOver: true });
    this.#lifetime.release();
  }

  /** An engine that does not answer must not keep a node in a cluster. */
  async #leaveWorker(): Promise<void> {
    const { clock, log } = this.#parts;
    const limit = childAbort(this.#lifetime.signal);
    const timer = clock.timer(leaveLimit, () => limit.abort(deadlineExceeded("the engine does not answer")));
    try {
      await this.#worker.leave(limit.signal);
    } catch (error) {
      log.warn({ reason: messageOf(error) }, "not everything of this node's tasks could be removed");
    } finally {
      timer.cancel();
      limit.release();
    }
  }

  #localChannel(): Channel | undefined {
    if (this.managers.manager === undefined) return undefined;
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
          return issuanceClient(local ?? someManagerChannel(credentials, this.#parts.remotes, { clock, random }));
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
    const { log } = this.#parts;
    log.info(
      { role: certificate.role, notAfter: new Date(certificate.notAfter).toISOString() },
      "node certificate renewed",
    );
    this.#worker.refreshDescription();
    this.#tasks.run("role change", async () => {
      if (certificate.role === "swarm-manager") await this.managers.start(this.#lifetime.signal);
      else await this.#demoted();
    });
  }

  async #demoted(): Promise<void> {
    if (this.managers.manager === undefined) return;
    this.#parts.log.info({}, "this node is no longer a manager");
    await this.managers.stop({ handOver: false });
    await this.#parts.state.clearRaft();
  }

  #managerEnded(reason: "failed" | "removed", error: Error | undefined): void {
    const { log, onProblem } = this.#parts;
    const sentence = endedText(reason, error);
    if (reason === "failed") {
      log.error({ err: error }, "the manager has stopped");
      onProblem(sentence);
      return;
    }
    log.info({}, sentence);
    this.#tasks.run("leaving raft", async () => {
      await this.managers.stop({ handOver: false });
      await this.#parts.state.clearRaft();
      // Removed from Raft means demoted: the new certificate says so (wire 3.7).
      this.#renewer.renewNow("swarm-worker");
    });
  }

  /** What a manager says of this node and of the cluster. Source: wire 6.2. */
  #told(message: SessionMessage): void {
    const { credentials, remotes, state, clock, random, log } = this.#parts;
    remotes.follow(message.managers ?? []);
    const known = JSON.stringify(remotes.peers);
    if (known !== this.#savedRemotes) {
      this.#savedRemotes = known;
      this.#tasks.run("remembering managers", () => saveRemotes(state.stateFile, remotes.peers));
    }
    const rootPem = message.RootCA?.toString("utf8") ?? "";
    this.#tasks.run("root certificate", async () => {
      if (await credentials.adoptRoot(rootPem, { clock, random }))
        log.info({}, "adopted the cluster's new root certificate");
    });
    const wantedRole = (message.node?.spec?.desiredRole ?? "WORKER") === "MANAGER" ? "swarm-manager" : "swarm-worker";
    if (wantedRole !== credentials.certificate.role) this.#renewer.renewNow(wantedRole);
    else if (message.node?.certificate?.status?.state === "ROTATE") this.#renewer.renewNow();
  }
}

/** What this node knows better than its engine. */
function descriptionOf({ options, credentials }: ClusterNodeParts): DescriptionOverrides {
  const { certificate } = credentials;
  return {
    hostname: options.hostname,
    engineLabels: { [versionLabel]: version },
    tlsInfo: {
      trustRoot: Buffer.from(credentials.rootPem),
      certIssuerSubject: certificate.issuerSubjectDer,
      certIssuerPublicKey: certificate.issuerPublicKeyDer,
    },
    ...(options.offerCpus === undefined ? {} : { nanoCpus: Math.floor(options.offerCpus * 1e9) }),
    ...(options.offerMemory === undefined ? {} : { memoryBytes: options.offerMemory }),
  };
}
