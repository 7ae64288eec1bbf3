// Whether this node belongs to a cluster, and the four ways that changes: init, join, leave, and a start with state.
// What a crash leaves at each step, and what the next start makes of it: docs/subsystems/node.md.

import { isAdmissionRefusal, type Manager } from "@mswarm/manager";
import {
  aborted,
  alreadyExists,
  type ChildAbort,
  childAbort,
  type Duration,
  failedPrecondition,
  isSwarmError,
  messageOf,
  seconds,
  TaskGroup,
  unavailable,
} from "@mswarm/runtime";
import type { mswarm } from "@mswarm/wire";
import { type RemotePeer, Remotes } from "@mswarm/worker";
import { machineInterfaces } from "./addresses.ts";
import { beAdmitted, giveBirth } from "./cluster-birth.ts";
import { ClusterNode, type ClusterNodeParts } from "./cluster-node.ts";
import { alreadyInSwarm, joinTimeout, managerLeaveText, managerNeeded, notInSwarm } from "./control-texts.ts";
import type { Credentials } from "./credentials.ts";
import type { DaemonOptions } from "./daemon-options.ts";
import { type FoundState, findState, type Problem } from "./found-state.ts";
import { checkInit, checkJoin, resolveAddresses } from "./membership-request.ts";
import { Mutex } from "./mutex.ts";
import { createLeavingWorker, leaveInTime, type MachineParts } from "./node-worker.ts";
import { type NodeSettings, saveRemotes, saveSettings } from "./settings.ts";
import { within } from "./time-limit.ts";

/** What this node is now. Names as in Docker's local node state. */
export type LocalState =
  | { readonly kind: "inactive" }
  | { readonly kind: "pending"; readonly reason: string }
  | { readonly kind: "active" }
  | { readonly kind: "error"; readonly reason: string };

/** Docker's API waits this long for a join (wire 9.1). */
const joinWait = seconds(20);
const initWait = seconds(60);
/** How often a certificate that is out of its dates is looked at again: the clock may have been set. */
const healingPause = seconds(10);
const engineWait = seconds(5);
/** A status is asked for by people and scripts that wait for it. */
const engineGlance = seconds(1);

export class Membership {
  readonly #parts: MachineParts;
  /** Init, join, leave and start follow one another. */
  readonly #turns = new Mutex();
  readonly #lifetime = new AbortController();
  readonly #background: TaskGroup;
  /** The init or join under way. */
  #attempt: ChildAbort | undefined;
  #broken: (Problem & Pick<FoundState, "nodeId">) | undefined;
  #credentials: Credentials | undefined;
  #settings: NodeSettings | undefined;
  #remotes: readonly RemotePeer[] = [];
  #node: ClusterNode | undefined;

  constructor(parts: MachineParts) {
    this.#parts = parts;
    this.#background = new TaskGroup(this.#lifetime.signal, (name, error) => {
      parts.log.error({ task: name, err: error }, "work in the background failed");
    });
  }

  get state(): LocalState {
    if (this.#broken !== undefined) return { kind: "error", reason: this.#broken.problem };
    const node = this.#node;
    if (node === undefined) {
      const isInactive = this.#attempt === undefined && this.#credentials === undefined;
      return isInactive ? { kind: "inactive" } : { kind: "pending", reason: "starting" };
    }
    if (node.problem !== undefined) return { kind: "error", reason: node.problem };
    if (node.isManager && node.manager === undefined) {
      return { kind: "pending", reason: node.hindrance ?? "the manager is starting" };
    }
    return this.#settings?.phase === "member" ? { kind: "active" } : { kind: "pending", reason: "becoming a member" };
  }

  get node(): ClusterNode | undefined {
    return this.#node;
  }

  get credentials(): Credentials | undefined {
    return this.#credentials;
  }

  get settings(): NodeSettings | undefined {
    return this.#settings;
  }

  get options(): DaemonOptions {
    return this.#parts.options;
  }

  async engineAnswers(): Promise<boolean> {
    return await this.#ping(engineGlance, this.#lifetime.signal).then(
      () => true,
      () => false,
    );
  }

  /** Reads what a former run left, and deletes the halves of what it did not finish. Starts nothing. */
  async load(): Promise<void> {
    const { state, log } = this.#parts;
    const found = await findState(state, this.#parts);
    const { verdict } = found;
    this.#broken = undefined;
    if (verdict.kind === "undo") {
      log.warn({ what: verdict.what }, "the last run was interrupted: what it had begun has been undone");
      await state.clear();
    } else if (verdict.kind === "broken") {
      log.error({ reason: verdict.problem }, "this node cannot be started as a member of its cluster");
      this.#broken = { ...verdict, nodeId: found.nodeId };
    } else if (verdict.kind === "member") {
      this.#credentials = found.credentials;
      this.#settings = verdict.settings;
      this.#remotes = found.remotes;
    }
  }

  /** Starts what `load` found, in the background: the sockets answer meanwhile. */
  resume(): void {
    this.#background.run("start", async (signal) => {
      while (this.#broken?.passes === true) {
        await this.#parts.clock.sleep(healingPause, signal);
        await this.#turns.run(async () => {
          if (this.#broken?.passes === true) await this.load();
        });
      }
      await this.#turns.run(async () => {
        const [credentials, settings] = [this.#credentials, this.#settings];
        if (credentials === undefined || settings === undefined || this.#node !== undefined || signal.aborted) return;
        const node = this.#begin({ credentials, settings, remotes: new Remotes(this.#remotes) });
        if (settings.phase !== "member") this.#finishInBackground(node);
      });
    });
  }

  /** Makes a new cluster; returns this node's id. What fails, or is interrupted, leaves nothing behind. */
  init(request: mswarm.InitRequest, signal: AbortSignal): Promise<string> {
    return this.#try(signal, async (inTime) => {
      checkInit(request);
      await this.#requireEngine(inTime);
      const settings = this.#settingsFor(request, "initialising");
      return await this.#orNothing(async () => {
        const { state, clock } = this.#parts;
        await saveSettings(state.daemonFile, settings);
        const { credentials, initial } = await giveBirth(request, { ...this.#parts, certificates: state.certificates });
        const node = this.#begin({ credentials, settings, remotes: new Remotes(), initial });
        const complaint = "the new cluster was not ready within 60 seconds";
        await within(initWait, { clock, complaint }, (limit) => node.ready(() => true, limit), inTime);
        await this.#becomeMember();
        return credentials.identity.nodeId;
      });
    });
  }

  /**
   * Makes this node a member of a cluster. Before it has its certificate, a failure leaves nothing behind. Afterwards the
   * cluster may count on it already (a manager has a vote): unless it was refused, it goes on becoming a member in the
   * background, over restarts too.
   */
  join(request: mswarm.JoinRequest, signal: AbortSignal): Promise<mswarm.JoinResponse> {
    return this.#try(signal, async (inTime) => {
      const addresses = checkJoin(request);
      await this.#requireEngine(inTime);
      const settings = this.#settingsFor(request, "joining");
      const node = await this.#orNothing(() => this.#beAdmitted(request, { settings, addresses }, inTime));
      await this.#waitForMembership(node, inTime);
      const { credentials } = this;
      return { nodeId: credentials?.identity.nodeId ?? "", isManager: credentials?.isManager ?? false };
    });
  }

  /** Takes this node out of its cluster, also out of a start or join under way. Errors: UNAVAILABLE on a manager without `force`. */
  async leave(force: boolean): Promise<void> {
    if (this.state.kind === "inactive") throw unavailable(notInSwarm);
    if (!force) this.#requireNoManager();
    const isInterrupting = this.#attempt !== undefined;
    this.#attempt?.abort(aborted("this node was told to leave its cluster"));
    await this.#turns.run(async () => {
      if (this.state.kind === "inactive" && !isInterrupting) throw unavailable(notInSwarm);
      await this.#forget();
      this.#parts.log.info({}, "this node has left its cluster");
    });
  }

  /** Stops everything; the next start goes on from here. */
  async stop(): Promise<void> {
    this.#lifetime.abort(aborted("this daemon is stopping"));
    await this.#background.close();
    await this.#turns.run(async () => {
      await this.#node?.stop({ leave: false });
      this.#node = undefined;
    });
  }

  /** The manager, or the sentence that says why there is none. */
  manager(): Manager | string {
    const manager = this.#node?.manager;
    if (manager !== undefined) return manager;
    if (this.state.kind === "inactive") return managerNeeded.inactive;
    return this.#credentials?.isManager === false ? managerNeeded.worker : managerNeeded.pending;
  }

  async #try<R>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<R>): Promise<R> {
    this.#requireInactive();
    return await this.#turns.run(async () => {
      this.#requireInactive();
      const attempt = childAbort(AbortSignal.any([signal, this.#lifetime.signal]));
      this.#attempt = attempt;
      try {
        return await work(attempt.signal);
      } finally {
        this.#attempt = undefined;
        attempt.release();
      }
    });
  }

  /** Runs `work`; when it fails, everything is as if it had never been asked. */
  async #orNothing<R>(work: () => Promise<R>): Promise<R> {
    try {
      return await work();
    } catch (error) {
      await this.#abandon();
      throw error;
    }
  }

  async #beAdmitted(
    request: mswarm.JoinRequest,
    by: { readonly settings: NodeSettings; readonly addresses: readonly string[] },
    signal: AbortSignal,
  ): Promise<ClusterNode> {
    const { state, clock } = this.#parts;
    const known = by.addresses.map((address) => ({ nodeId: "", address }));
    await saveSettings(state.daemonFile, by.settings);
    await saveRemotes(state.stateFile, known);
    const asked = { joinToken: request.joinToken ?? "", availability: request.availability ?? "" };
    const credentials = await within(
      joinWait,
      { clock, complaint: "no certificate within 20 seconds" },
      (limit) =>
        beAdmitted({ ...asked, addresses: by.addresses }, { ...this.#parts, certificates: state.certificates }, limit),
      signal,
    );
    return this.#begin({ credentials, settings: by.settings, remotes: new Remotes(known) });
  }

  async #waitForMembership(node: ClusterNode, signal: AbortSignal): Promise<void> {
    const bound = { clock: this.#parts.clock, complaint: "20 seconds have passed" };
    try {
      await within(joinWait, bound, (limit) => node.ready(isRefusal, limit), signal);
      await this.#becomeMember();
    } catch (error) {
      const reason = node.hindrance ?? messageOf(error);
      if (isRefusal(error) || (await this.#withdraw(node))) {
        await this.#abandon();
        throw isRefusal(error) ? error : unavailable(`could not join the swarm in time: ${reason}`, { cause: error });
      }
      throw unavailable(`${joinTimeout} (${reason})`, { cause: error });
    }
  }

  /** True when the cluster does not count on this node; otherwise it goes on becoming a member in the background. */
  async #withdraw(node: ClusterNode): Promise<boolean> {
    const [credentials, settings] = [this.#credentials, this.#settings];
    // A daemon that stops goes on at its next start.
    if (this.#lifetime.signal.aborted || credentials === undefined || settings === undefined) return false;
    let going = node;
    if (node.manager === undefined) {
      await node.stop({ leave: false });
      if (await node.withdraw()) return true;
      going = this.#begin({ credentials, settings, remotes: new Remotes(node.knownManagers) });
    }
    this.#finishInBackground(going);
    return false;
  }

  #finishInBackground(node: ClusterNode): void {
    this.#background.run("becoming a member", async (signal) => {
      try {
        await node.ready(() => false, signal);
      } catch {
        // Stopped, or left: the next start knows by the phase on disk.
        return;
      }
      await this.#turns.run(async () => {
        if (this.#node === node) await this.#becomeMember();
      });
    });
  }

  #begin(of: Pick<ClusterNodeParts, "credentials" | "settings" | "remotes" | "initial">): ClusterNode {
    this.#credentials = of.credentials;
    this.#settings = of.settings;
    this.#node = ClusterNode.start({ ...this.#parts, ...of });
    return this.#node;
  }

  async #becomeMember(): Promise<void> {
    if (this.#settings === undefined) return;
    const settings: NodeSettings = { ...this.#settings, phase: "member" };
    await saveSettings(this.#parts.state.daemonFile, settings);
    this.#settings = settings;
  }

  async #abandon(): Promise<void> {
    try {
      await this.#forget();
    } catch (error) {
      // The phase on disk says that this was never finished: the next start undoes it.
      this.#parts.log.error({ reason: messageOf(error) }, "what a failed init or join has left could not be deleted");
    }
  }

  async #forget(): Promise<void> {
    const { state } = this.#parts;
    const nodeId = this.#credentials?.identity.nodeId ?? this.#broken?.nodeId;
    if (this.#node !== undefined) await this.#node.stop({ leave: true });
    else if (nodeId !== undefined) await leaveInTime(createLeavingWorker(nodeId, this.#parts), this.#parts);
    this.#node = undefined;
    try {
      await state.clear();
    } catch (error) {
      const problem = `the state of this node in ${state.root} could not be deleted: ${messageOf(error)}; leave again`;
      this.#broken = { problem, passes: false, nodeId };
      throw failedPrecondition(problem, { cause: error });
    }
    this.#broken = undefined;
    this.#credentials = undefined;
    this.#settings = undefined;
  }

  #requireInactive(): void {
    if (this.state.kind !== "inactive") throw alreadyExists(alreadyInSwarm);
  }

  /** A manager that leaves may take the cluster's state with it; one that has not become a member yet takes nothing. */
  #requireNoManager(): void {
    const manager = this.#node?.manager;
    const isManager =
      this.#node?.isManager ??
      this.#credentials?.isManager ??
      (this.#broken !== undefined && this.#parts.state.hasLog());
    if (!isManager || (this.#settings !== undefined && this.#settings.phase !== "member")) return;
    const members = manager?.raft.members() ?? [];
    const reachable = members.filter(({ raftId }) => manager?.raft.reachable(raftId)).length;
    throw unavailable(
      managerLeaveText({ managers: members.length, reachable, isActive: this.state.kind === "active" }),
    );
  }

  #settingsFor(request: mswarm.InitRequest | mswarm.JoinRequest, phase: NodeSettings["phase"]): NodeSettings {
    const { defaultAdvertiseAddress } = this.#parts.options;
    return { ...resolveAddresses(request, defaultAdvertiseAddress, machineInterfaces()), phase };
  }

  /** A node that could run nothing would look broken in the cluster; better to say so before it joins one. */
  async #requireEngine(signal: AbortSignal): Promise<void> {
    const { options } = this.#parts;
    try {
      await this.#ping(engineWait, signal);
    } catch (error) {
      throw failedPrecondition(
        `no Docker Engine answers at ${options.engine}: ${messageOf(error)}; start it, or start the daemon with --engine`,
        { cause: error },
      );
    }
  }

  #ping(limit: Duration, signal: AbortSignal): Promise<void> {
    const { clock, engine } = this.#parts;
    const bound = { clock, complaint: `no answer within ${limit / 1_000} seconds` };
    return within(limit, bound, (inTime) => engine.ping(inTime), signal);
  }
}

/** Failures after which trying again, or going on in the background, makes no sense. */
function isRefusal(error: unknown): boolean {
  return isAdmissionRefusal(error) || isSwarmError(error, "DATA_LOSS");
}
