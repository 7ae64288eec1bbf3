// The four ways in which this node's membership changes: init, join, leave, and a start with state. One after another.
// What a crash leaves at each step, and what the next start makes of it: docs/subsystems/node.md.

import { isAdmissionRefusal, type Manager } from "@mswarm/manager";
import {
  aborted,
  alreadyExists,
  type ChildAbort,
  childAbort,
  type Duration,
  isSwarmError,
  messageOf,
  seconds,
  TaskGroup,
  throwIfAborted,
  unavailable,
} from "@mswarm/runtime";
import type { mswarm } from "@mswarm/wire";
import { Remotes } from "@mswarm/worker";
import { machineInterfaces } from "./addresses.ts";
import { beAdmitted, giveBirth } from "./cluster-birth.ts";
import type { ClusterNode } from "./cluster-node.ts";
import { alreadyInSwarm, joinTimeout, notInSwarm } from "./control-texts.ts";
import type { Credentials } from "./credentials.ts";
import type { DaemonOptions } from "./daemon-options.ts";
import { engineAnswers, requireEngine } from "./engine-check.ts";
import { checkInit, checkJoin, resolveAddresses } from "./membership-request.ts";
import { Mutex } from "./mutex.ts";
import type { MachineParts } from "./node-worker.ts";
import { type NodeSettings, saveRemotes, saveSettings } from "./settings.ts";
import { type LocalState, Standing } from "./standing.ts";
import { within } from "./time-limit.ts";

/** Docker's API waits this long for a join (wire 9.1). */
const joinWait = seconds(20);
const initWait = seconds(60);
/** With a manager of its own, a node has its session within some ten milliseconds of it, or its engine does not answer. */
const ownSessionWait = seconds(5);
/** So long Docker's daemon is silent while it starts. Source: moby daemon/cluster/cluster.go, swarmConnectTimeout. */
const startWait = seconds(20);
/** How often a certificate that is out of its dates is looked at again: the clock may have been set. */
const healingPause = seconds(10);

export class Membership {
  readonly #parts: MachineParts;
  readonly #standing: Standing;
  readonly #turns = new Mutex();
  readonly #lifetime = new AbortController();
  readonly #background: TaskGroup;
  readonly #started: Promise<void>;
  #hasStarted: () => void = () => undefined;
  /** The init or join under way. */
  #attempt: ChildAbort | undefined;

  constructor(parts: MachineParts) {
    this.#parts = parts;
    this.#started = new Promise((resolve) => {
      this.#hasStarted = resolve;
    });
    this.#standing = new Standing(parts);
    this.#background = new TaskGroup(this.#lifetime.signal, (name, error) => {
      parts.log.error({ task: name, err: error }, "work in the background failed");
    });
  }

  get state(): LocalState {
    return this.#standing.state;
  }

  get node(): ClusterNode | undefined {
    return this.#standing.node;
  }

  get credentials(): Credentials | undefined {
    return this.#standing.credentials;
  }

  get settings(): NodeSettings | undefined {
    return this.#standing.settings;
  }

  get options(): DaemonOptions {
    return this.#parts.options;
  }

  /** The manager, or the sentence that says why there is none. */
  manager(): Manager | string {
    return this.#standing.manager();
  }

  engineAnswers(): Promise<boolean> {
    return engineAnswers(this.#parts, this.#lifetime.signal);
  }

  /** Reads what a former run left, and deletes the halves of what it did not finish. Starts nothing. */
  load(): Promise<void> {
    return this.#standing.load();
  }

  /** Resolves when `resume` has brought back what this node was, or has failed to for 20 s. */
  started(): Promise<void> {
    return this.#started;
  }

  /** Starts what `load` found, in the background: the sockets answer meanwhile. */
  resume(): void {
    this.#background.run("start", async (signal) => {
      if (this.#standing.mayHeal) this.#hasStarted();
      while (this.#standing.mayHeal) {
        await this.#parts.clock.sleep(healingPause, signal);
        await this.#turns.run(async () => {
          if (this.#standing.mayHeal) await this.#standing.load();
        });
      }
      await this.#turns.run(async () => {
        const node = signal.aborted ? undefined : this.#standing.resume();
        if (node === undefined) return this.#hasStarted();
        if (!this.#standing.isMember) this.#finishInBackground(node);
        this.#background.run("first readiness", async (limit) => {
          const bound = { clock: this.#parts.clock, complaint: "not ready after the time that a start may take" };
          await within(startWait, bound, (inTime) => node.ready(() => true, inTime), limit).catch(() => undefined);
          this.#hasStarted();
        });
      });
    });
  }

  /** Makes a new cluster; returns this node's id. What fails, or is interrupted, leaves nothing behind. */
  async init(request: mswarm.InitRequest, signal: AbortSignal): Promise<string> {
    checkInit(request);
    return await this.#try(signal, async (inTime) => {
      await requireEngine(this.#parts, inTime);
      const settings = this.#settingsFor(request, "initialising");
      return await this.#orNothing(async () => {
        const { state, clock } = this.#parts;
        await saveSettings(state.daemonFile, settings);
        const { credentials, initial } = await giveBirth(request, { ...this.#parts, certificates: state.certificates });
        const node = this.#standing.begin({ credentials, settings, remotes: new Remotes(), initial });
        const complaint = "the new cluster was not ready within 60 seconds";
        await within(initWait, { clock, complaint }, (limit) => node.ready(() => true, limit), inTime);
        await this.#standing.becomeMember();
        // The cluster stands, also where the engine answers no more and the worker waits for it.
        await this.#waitForSession(node, ownSessionWait, inTime).catch(() => undefined);
        return credentials.identity.nodeId;
      });
    });
  }

  /**
   * Makes this node a member of a cluster. Before it has its certificate, a failure leaves nothing behind. Afterwards the
   * cluster may count on it already (a manager has a vote): unless it was refused, or could withdraw, it goes on becoming a
   * member in the background, over restarts too.
   */
  join(request: mswarm.JoinRequest, signal: AbortSignal): Promise<mswarm.JoinResponse> {
    return this.#try(signal, async (inTime) => {
      const addresses = checkJoin(request);
      await requireEngine(this.#parts, inTime);
      const settings = this.#settingsFor(request, "joining");
      const node = await this.#orNothing(() => this.#beAdmitted(request, { settings, addresses }, inTime));
      await this.#waitForMembership(node, inTime);
      await this.#waitForSession(node, joinWait, inTime);
      const { credentials } = this;
      return { nodeId: credentials?.identity.nodeId ?? "", isManager: credentials?.isManager ?? false };
    });
  }

  /** Takes this node out of its cluster, also out of an init or join under way. Errors: UNAVAILABLE on a manager without `force`. */
  async leave(force: boolean): Promise<void> {
    if (this.state.kind === "inactive") throw unavailable(notInSwarm);
    if (!force) this.#standing.requireMayLeave();
    const isInterrupting = this.#attempt !== undefined;
    this.#attempt?.abort(aborted("this node was told to leave its cluster"));
    await this.#turns.run(async () => {
      if (this.state.kind === "inactive" && !isInterrupting) throw unavailable(notInSwarm);
      await this.#standing.forget();
      this.#parts.log.info({}, "this node has left its cluster");
    });
  }

  /** Stops everything; the next start goes on from here. */
  async stop(): Promise<void> {
    this.#lifetime.abort(aborted("this daemon is stopping"));
    this.#hasStarted();
    await this.#background.close();
    await this.#turns.run(() => this.#standing.stop());
  }

  async #try<R>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<R>): Promise<R> {
    this.#requireInactive();
    return await this.#turns.run(async () => {
      this.#requireInactive();
      const attempt = childAbort(AbortSignal.any([signal, this.#lifetime.signal]));
      this.#attempt = attempt;
      this.#standing.isBeginning = true;
      try {
        return await work(attempt.signal);
      } finally {
        this.#standing.isBeginning = false;
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
      await this.#standing.abandon();
      throw error;
    }
  }

  async #beAdmitted(
    request: mswarm.JoinRequest,
    by: { readonly settings: NodeSettings; readonly addresses: readonly string[] },
    signal: AbortSignal,
  ): Promise<ClusterNode> {
    const { state, clock } = this.#parts;
    const { joinToken = "", availability = "" } = request;
    const known = by.addresses.map((address) => ({ nodeId: "", address }));
    await saveSettings(state.daemonFile, by.settings);
    await saveRemotes(state.stateFile, known);
    const asked = { joinToken, availability, addresses: by.addresses };
    const parts = { ...this.#parts, certificates: state.certificates };
    const bound = { clock, complaint: "no certificate within 20 seconds" };
    const credentials = await within(joinWait, bound, (limit) => beAdmitted(asked, parts, limit), signal);
    return this.#standing.begin({ credentials, settings: by.settings, remotes: new Remotes(known) });
  }

  async #waitForMembership(node: ClusterNode, signal: AbortSignal): Promise<void> {
    const bound = { clock: this.#parts.clock, complaint: "20 seconds have passed" };
    try {
      await within(joinWait, bound, (limit) => node.ready(isRefusal, limit), signal);
      await this.#standing.becomeMember();
    } catch (error) {
      const reason = node.hindrance ?? messageOf(error);
      if (isRefusal(error) || (await this.#withdraw(node))) {
        await node.retractJoin();
        await this.#standing.abandon();
        throw isRefusal(error) ? error : unavailable(`could not join the swarm in time: ${reason}`, { cause: error });
      }
      throw unavailable(`${joinTimeout} (${reason})`, { cause: error });
    }
  }

  /** Whoever joined a node by its name asks for it next. Source: swarmkit node/node.go, Ready waits for the agent's session. */
  async #waitForSession(node: ClusterNode, limit: Duration, signal: AbortSignal): Promise<void> {
    const bound = { clock: this.#parts.clock, complaint: "no manager has taken this node's worker yet" };
    try {
      await within(limit, bound, (served) => node.served(served), signal);
    } catch (error) {
      throwIfAborted(signal);
      throw unavailable(`${joinTimeout} (${node.problem ?? messageOf(error)})`, { cause: error });
    }
  }

  /** True when the cluster does not count on this node; otherwise it goes on becoming a member in the background. */
  async #withdraw(node: ClusterNode): Promise<boolean> {
    // A daemon that stops goes on at its next start.
    if (this.#lifetime.signal.aborted) return false;
    let going = node;
    if (node.manager === undefined) {
      await this.#standing.stop();
      if (await node.withdraw()) return true;
      going = this.#standing.resume() ?? node;
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
        if (this.node === node) await this.#standing.becomeMember();
      });
    });
  }

  #requireInactive(): void {
    if (this.state.kind !== "inactive") throw alreadyExists(alreadyInSwarm);
  }

  #settingsFor(request: mswarm.InitRequest | mswarm.JoinRequest, phase: NodeSettings["phase"]): NodeSettings {
    const { defaultAdvertiseAddress } = this.#parts.options;
    return { ...resolveAddresses(request, defaultAdvertiseAddress, machineInterfaces()), phase };
  }
}

/** Failures after which trying again, or going on in the background, makes no sense. */
function isRefusal(error: unknown): boolean {
  return isAdmissionRefusal(error) || isSwarmError(error, "DATA_LOSS");
}
