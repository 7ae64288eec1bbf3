// Whether this node belongs to a cluster, and the four ways that changes: init, join, leave, and a start with state.

import type { Engine } from "@mswarm/engine";
import type { InitialCluster } from "@mswarm/manager";
import {
  aborted,
  alreadyExists,
  type ChildAbort,
  type Clock,
  childAbort,
  deadlineExceeded,
  failedPrecondition,
  invalidArgument,
  isSwarmError,
  type Logger,
  messageOf,
  milliseconds,
  type Random,
  seconds,
  TaskGroup,
  unavailable,
  unimplemented,
} from "@mswarm/runtime";
import type { mswarm } from "@mswarm/wire";
import { Remotes } from "@mswarm/worker";
import {
  formatHostPort,
  machineInterfaces,
  parseHostPort,
  resolveAdvertiseAddress,
  resolveListenAddress,
} from "./addresses.ts";
import { availabilityOf, beAdmitted, giveBirth } from "./cluster-birth.ts";
import { ClusterNode, type ClusterNodeParts } from "./cluster-node.ts";
import { alreadyInSwarm, managerLeaveText, managerNeeded, notInSwarm } from "./control-texts.ts";
import { Credentials } from "./credentials.ts";
import type { DaemonOptions } from "./daemon-options.ts";
import { Mutex } from "./mutex.ts";
import { loadRemotes, loadSettings, type NodeSettings, saveRemotes, saveSettings } from "./settings.ts";
import type { StateDirectory } from "./state-directory.ts";

export interface MembershipParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly options: DaemonOptions;
  readonly state: StateDirectory;
  readonly engine: Engine;
}

/** What this node is now. Names as in Docker's local node state. */
export type LocalState =
  | { readonly kind: "inactive" }
  | { readonly kind: "pending"; readonly reason: string }
  | { readonly kind: "active" }
  | { readonly kind: "error"; readonly reason: string };

/** Docker's API waits this long for a join (wire 9.1). */
const joinWait = seconds(20);
const initWait = seconds(60);
const joinLate = "no manager admitted this node in time";
const initLate = "the new cluster was not ready in time";
const restartPause = seconds(1);

export class Membership {
  readonly #parts: MembershipParts;
  readonly #turns = new Mutex();
  readonly #lifetime = childAbort(new AbortController().signal);
  readonly #background: TaskGroup;
  #state: LocalState = { kind: "inactive" };
  #credentials: Credentials | undefined;
  #settings: NodeSettings | undefined;
  #node: ClusterNode | undefined;
  /** While a former run's state is being started, which may fail again and again. */
  #resuming: ChildAbort | undefined;

  constructor(parts: MembershipParts) {
    this.#parts = parts;
    this.#background = new TaskGroup(this.#lifetime.signal, (name, error) => {
      parts.log.error({ task: name, err: error }, "work in the background failed");
      this.#state = { kind: "error", reason: messageOf(error) };
    });
  }

  get state(): LocalState {
    return this.#state;
  }

  get node(): ClusterNode | undefined {
    return this.#node;
  }

  get credentials(): Credentials | undefined {
    return this.#credentials;
  }

  get options(): DaemonOptions {
    return this.#parts.options;
  }

  async engineAnswers(): Promise<boolean> {
    return this.#parts.engine.ping().then(
      () => true,
      () => false,
    );
  }

  get settings(): NodeSettings | undefined {
    return this.#settings;
  }

  /** Reads what a former run left, without starting anything. Errors: DATA_LOSS for damaged state. */
  async load(): Promise<void> {
    const { state } = this.#parts;
    this.#credentials = await Credentials.load(state.certificates, this.#parts);
    this.#settings = await loadSettings(state.daemonFile);
    if (this.#credentials !== undefined) this.#state = { kind: "pending", reason: "starting" };
  }

  /** Starts what `load` found, in the background: the sockets answer meanwhile. */
  resume(): void {
    if (this.#credentials === undefined) return;
    this.#background.run("start", async (signal) => {
      const resuming = childAbort(signal);
      this.#resuming = resuming;
      try {
        await this.#turns.run(() => this.#resume(resuming.signal));
      } finally {
        this.#resuming = undefined;
        resuming.release();
      }
    });
  }

  /** Makes a new cluster; returns this node's id. */
  init(request: mswarm.InitRequest, signal: AbortSignal): Promise<string> {
    return this.#turns.run(async () => {
      this.#requireInactive();
      refuseLater(request);
      await this.#requireEngine();
      const settings = this.#resolve(request, false);
      const { state } = this.#parts;
      await saveSettings(state.daemonFile, settings);
      try {
        const { credentials, initial } = await giveBirth(request, { ...this.#parts, certificates: state.certificates });
        await this.#within(initWait, signal, initLate, async (inTime) => {
          await this.#start(credentials, settings, inTime, initial);
          await this.#node?.ready(inTime);
        });
        return credentials.certificate.nodeId;
      } catch (error) {
        await this.#abandon();
        throw error;
      }
    });
  }

  /** Makes this node a member of a cluster. */
  join(request: mswarm.JoinRequest, signal: AbortSignal): Promise<mswarm.JoinResponse> {
    return this.#turns.run(async () => {
      this.#requireInactive();
      const addresses = (request.remoteAddrs ?? []).map((address) => formatHostPort(parseHostPort(address)));
      if (addresses.length === 0) throw invalidArgument("at least 1 RemoteAddr is required to join");
      const availability = request.availability ?? "";
      if (availabilityOf(availability) === undefined)
        throw invalidArgument(`invalid Availability: ${JSON.stringify(availability)}`);
      await this.#requireEngine();
      const settings = this.#resolve(request, true);
      const { state } = this.#parts;
      await saveSettings(state.daemonFile, settings);
      await saveRemotes(
        state.stateFile,
        addresses.map((address) => ({ nodeId: "", address })),
      );
      try {
        const credentials = await this.#within(joinWait, signal, joinLate, (inTime) =>
          beAdmitted(
            { joinToken: request.joinToken ?? "", addresses, availability },
            { ...this.#parts, certificates: state.certificates },
            inTime,
          ),
        );
        await this.#within(joinWait, signal, joinLate, async (inTime) => {
          await this.#start(credentials, settings, inTime);
          await this.#node?.ready(inTime);
        });
        await this.#settle(settings);
        return { nodeId: credentials.certificate.nodeId, isManager: credentials.isManager };
      } catch (error) {
        await this.#abandon();
        if (isSwarmError(error, "DEADLINE_EXCEEDED"))
          throw unavailable(`could not join the swarm within 20 seconds: ${messageOf(error)}`, { cause: error });
        throw error;
      }
    });
  }

  /** Takes this node out of its cluster. Errors: UNAVAILABLE on a manager without `force`. */
  async leave(force: boolean): Promise<void> {
    if (this.#resuming !== undefined) {
      this.#requireMayLeave(force);
      // A start that fails again and again would keep its turn for ever.
      this.#resuming.abort(aborted("this node is leaving its cluster"));
    }
    await this.#turns.run(async () => {
      this.#requireMayLeave(force);
      const node = this.#node ?? (await this.#unstartedNode());
      await node?.stop({ leave: true });
      await this.#forget();
      this.#parts.log.info({}, "this node has left its cluster");
    });
  }

  /** Stops everything; the next start goes on from here. */
  async stop(): Promise<void> {
    this.#lifetime.abort();
    await this.#background.close();
    await this.#turns.run(async () => {
      await this.#node?.stop({ leave: false });
      this.#node = undefined;
    });
  }

  /** The manager, or the sentence that says why there is none. */
  manager(): NonNullable<ClusterNode["managers"]["manager"]> | string {
    const manager = this.#node?.managers.manager;
    if (manager !== undefined) return manager;
    if (this.#state.kind === "inactive") return managerNeeded.inactive;
    if (this.#state.kind === "pending" || this.#credentials?.isManager === true) return managerNeeded.pending;
    return managerNeeded.worker;
  }

  #requireInactive(): void {
    if (this.#state.kind !== "inactive") throw alreadyExists(alreadyInSwarm);
  }

  #requireMayLeave(force: boolean): void {
    if (this.#state.kind === "inactive") throw unavailable(notInSwarm);
    const raft = this.#node?.managers.manager?.raft;
    // Where nothing could be started the certificate says what this node is; otherwise it is late to say so after a demotion.
    const isManager = this.#node === undefined ? this.#credentials?.isManager === true : raft !== undefined;
    if (force || !isManager) return;
    const members = raft?.members() ?? [];
    const reachable = members.filter(({ raftId }) => raft?.reachable(raftId)).length;
    const isActive = raft !== undefined && this.#state.kind === "active";
    throw unavailable(managerLeaveText({ managers: members.length, reachable, isActive }));
  }

  /** A node that could run nothing would look broken in the cluster; better to say so before it joins one. */
  async #requireEngine(): Promise<void> {
    const { engine, options } = this.#parts;
    try {
      await engine.ping();
    } catch (error) {
      throw failedPrecondition(
        `no Docker Engine answers at ${options.engine}: ${messageOf(error)}; start it, or start the daemon with --engine`,
        { cause: error },
      );
    }
  }

  #resolve(
    request: Pick<mswarm.InitRequest, "listenAddr" | "advertiseAddr" | "dataPathAddr">,
    isJoining: boolean,
  ): NodeSettings {
    if ((request.dataPathAddr ?? "") !== "")
      throw unimplemented("a data path address needs overlay networks, which this version does not have yet");
    const interfaces = machineInterfaces();
    const listen = resolveListenAddress(request.listenAddr ?? "", interfaces);
    const advertise = resolveAdvertiseAddress(
      { advertise: request.advertiseAddr ?? "", fallback: this.#parts.options.defaultAdvertiseAddress, listen },
      interfaces,
    );
    return { listenAddress: formatHostPort(listen), advertiseAddress: formatHostPort(advertise), isJoining };
  }

  async #resume(signal: AbortSignal): Promise<void> {
    const { log, clock } = this.#parts;
    const credentials = this.#credentials;
    const settings = this.#settings;
    if (credentials === undefined) return;
    if (settings === undefined) {
      this.#state = {
        kind: "error",
        reason: "daemon.json is missing from the state directory; leave with --force and join again",
      };
      return;
    }
    while (!signal.aborted) {
      try {
        await this.#start(credentials, settings, signal);
        await this.#settle(settings);
        return;
      } catch (error) {
        if (signal.aborted) return;
        // Lost data does not come back by trying again; an address that is still in use does.
        this.#state = { kind: "error", reason: messageOf(error) };
        log.error({ reason: messageOf(error) }, "this node could not be started as a member of its cluster");
        if (isSwarmError(error, "DATA_LOSS")) return;
        await clock.sleep(restartPause, signal).catch(() => undefined);
      }
    }
  }

  async #start(
    credentials: Credentials,
    settings: NodeSettings,
    signal: AbortSignal,
    initial?: InitialCluster,
  ): Promise<void> {
    this.#credentials = credentials;
    this.#settings = settings;
    this.#state = { kind: "pending", reason: "starting" };
    this.#node = await ClusterNode.start(await this.#nodeParts(credentials, settings), signal, initial);
    this.#state = { kind: "active" };
  }

  async #nodeParts(credentials: Credentials, settings: NodeSettings): Promise<ClusterNodeParts> {
    return {
      ...this.#parts,
      credentials,
      settings,
      remotes: new Remotes(await loadRemotes(this.#parts.state.stateFile)),
      onProblem: (reason) => {
        this.#state = { kind: "error", reason };
      },
    };
  }

  /** To clean up after a node that could not be started: its containers may still run. */
  async #unstartedNode(): Promise<ClusterNode | undefined> {
    if (this.#credentials === undefined || this.#settings === undefined) return undefined;
    try {
      return ClusterNode.unstarted(await this.#nodeParts(this.#credentials, this.#settings));
    } catch (error) {
      this.#parts.log.warn({ reason: messageOf(error) }, "what this node ran is not cleaned up");
      return undefined;
    }
  }

  async #settle(settings: NodeSettings): Promise<void> {
    if (!settings.isJoining) return;
    this.#settings = { ...settings, isJoining: false };
    await saveSettings(this.#parts.state.daemonFile, this.#settings);
  }

  /** After an init or join that failed: as if it had never been asked. */
  async #abandon(): Promise<void> {
    await this.#node?.stop({ leave: false });
    await this.#forget();
  }

  async #forget(): Promise<void> {
    this.#node = undefined;
    this.#credentials = undefined;
    this.#settings = undefined;
    await this.#parts.state.clear();
    this.#state = { kind: "inactive" };
  }

  async #within<R>(
    limit: ReturnType<typeof seconds>,
    signal: AbortSignal,
    late: string,
    work: (signal: AbortSignal) => Promise<R>,
  ): Promise<R> {
    const attempt = childAbort(AbortSignal.any([signal, this.#lifetime.signal]));
    const timer = this.#parts.clock.timer(milliseconds(limit), () => attempt.abort(deadlineExceeded(late)));
    try {
      return await work(attempt.signal);
    } finally {
      timer.cancel();
      attempt.release();
    }
  }
}

/** What a later version will do is refused now, with a sentence. */
function refuseLater(request: mswarm.InitRequest): void {
  const availability = request.availability ?? "";
  if (availabilityOf(availability) === undefined)
    throw invalidArgument(`invalid Availability: ${JSON.stringify(availability)}`);
  if (request.autolock === true)
    throw unimplemented("locked managers (--autolock) are not in this version yet: start the cluster without it");
  if (request.forceNewCluster === true) throw unimplemented("--force-new-cluster is not in this version yet");
  if ((request.defaultAddrPool ?? []).length > 0 || (request.dataPathPort ?? 0) !== 0) {
    throw unimplemented(
      "address pools and data path ports need overlay networks, which this version does not have yet",
    );
  }
}
