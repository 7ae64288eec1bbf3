// What this node is: on disk, in memory and running. Its changes must not overlap: `membership.ts` makes them one after
// another.

import type { Manager } from "@mswarm/manager";
import { failedPrecondition, messageOf, unavailable } from "@mswarm/runtime";
import { Remotes } from "@mswarm/worker";
import { advertiseAddressNow, machineInterfaces } from "./addresses.ts";
import { ClusterNode, type ClusterNodeParts } from "./cluster-node.ts";
import { managerLeaveText, managerNeeded } from "./control-texts.ts";
import type { Credentials } from "./credentials.ts";
import { type FoundState, findState, type Problem } from "./found-state.ts";
import { createLeavingWorker, leaveInTime, type MachineParts } from "./node-worker.ts";
import { type NodeSettings, saveSettings } from "./settings.ts";

/** Names as in Docker's local node state. */
export type LocalState =
  | { readonly kind: "inactive" }
  | { readonly kind: "pending"; readonly reason: string }
  | {
      readonly kind: "active";
      /** What a person should know all the same. */
      readonly reason?: string;
    }
  | { readonly kind: "error"; readonly reason: string };

export class Standing {
  readonly #parts: MachineParts;
  /** True while an init or join is under way. */
  isBeginning = false;
  #broken: (Problem & Pick<FoundState, "nodeId">) | undefined;
  #credentials: Credentials | undefined;
  #settings: NodeSettings | undefined;
  #remotes: FoundState["remotes"] = [];
  #node: ClusterNode | undefined;

  constructor(parts: MachineParts) {
    this.#parts = parts;
  }

  get state(): LocalState {
    if (this.#broken !== undefined) return { kind: "error", reason: this.#broken.problem };
    const node = this.#node;
    if (node === undefined) {
      const isInactive = !this.isBeginning && this.#credentials === undefined;
      return isInactive ? { kind: "inactive" } : { kind: "pending", reason: "starting" };
    }
    if (node.problem !== undefined) return { kind: "error", reason: node.problem };
    const awaited =
      node.isManager && node.manager === undefined ? (node.hindrance ?? "the manager is starting") : undefined;
    if (awaited !== undefined && !node.isServing) return { kind: "pending", reason: awaited };
    if (!this.isMember) return { kind: "pending", reason: node.notice ?? "becoming a member" };
    const reason = node.notice ?? awaited;
    return { kind: "active", ...(reason === undefined ? {} : { reason }) };
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

  /** False also while it becomes one. */
  get isMember(): boolean {
    return this.#settings?.phase === "member";
  }

  /** True when what is wrong may heal by itself: `load` again. */
  get mayHeal(): boolean {
    return this.#broken?.passes === true;
  }

  /** The manager, or the sentence that says why there is none. */
  manager(): Manager | string {
    const manager = this.#node?.manager;
    if (manager !== undefined) return manager;
    if (this.state.kind === "inactive") return managerNeeded.inactive;
    const isWorker = this.#credentials?.isManager === false || this.#node?.notice !== undefined;
    return isWorker ? managerNeeded.worker : managerNeeded.pending;
  }

  /**
   * A manager that leaves may take the cluster's state with it; one that has not become a member yet takes nothing.
   * Errors: UNAVAILABLE with Docker's text.
   */
  requireMayLeave(): void {
    const { state } = this.#parts;
    const wasManager = this.#broken !== undefined && state.hasLog();
    const isManager = this.#node?.isManager ?? this.#credentials?.isManager ?? wasManager;
    if (!isManager || (this.#settings !== undefined && !this.isMember)) return;
    const raft = this.#node?.manager?.raft;
    const members = raft?.members() ?? [];
    const reachable = members.filter(({ raftId }) => raft?.reachable(raftId)).length;
    const isActive = this.state.kind === "active";
    throw unavailable(managerLeaveText({ managers: members.length, reachable, isActive }));
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
      this.#settings = await this.#movedSettings(verdict.settings);
      this.#remotes = found.remotes;
    }
  }

  /** The settings with the address that this machine has by now. */
  async #movedSettings(settings: NodeSettings): Promise<NodeSettings> {
    const { options, state, log } = this.#parts;
    const address = advertiseAddressNow(settings, options.defaultAdvertiseAddress, machineInterfaces());
    if (address === settings.advertiseAddress) return settings;
    log.info({ address, was: settings.advertiseAddress }, "this node has another address than before");
    const moved = { ...settings, advertiseAddress: address };
    await saveSettings(state.daemonFile, moved).catch((error: unknown) => {
      log.warn({ reason: messageOf(error) }, "the new address could not be saved");
    });
    return moved;
  }

  /** Starts what `load` found, or what has stopped; undefined when there is nothing to start, or it runs. */
  resume(): ClusterNode | undefined {
    const [credentials, settings] = [this.#credentials, this.#settings];
    if (credentials === undefined || settings === undefined || this.#node !== undefined) return undefined;
    return this.begin({ credentials, settings, remotes: new Remotes(this.#remotes) });
  }

  begin(of: Pick<ClusterNodeParts, "credentials" | "settings" | "remotes" | "initial">): ClusterNode {
    this.#credentials = of.credentials;
    this.#settings = of.settings;
    this.#node = ClusterNode.start({ ...this.#parts, ...of });
    return this.#node;
  }

  async becomeMember(): Promise<void> {
    if (this.#settings === undefined) return;
    const settings: NodeSettings = { ...this.#settings, phase: "member" };
    await saveSettings(this.#parts.state.daemonFile, settings);
    this.#settings = settings;
  }

  /** Stops what runs; the next start, or `resume`, goes on from here. */
  async stop(): Promise<void> {
    const node = this.#node;
    await node?.stop({ leave: false });
    this.#remotes = node?.knownManagers ?? this.#remotes;
    this.#node = undefined;
  }

  /** Stops what runs, and deletes everything: this node belongs to no cluster. Errors: FAILED_PRECONDITION. */
  async forget(): Promise<void> {
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
    this.#remotes = [];
  }

  /** `forget` after an init or join that failed. */
  async abandon(): Promise<void> {
    try {
      await this.forget();
    } catch (error) {
      // The phase on disk says that this was never finished: the next start undoes it.
      this.#parts.log.error({ reason: messageOf(error) }, "what a failed init or join has left could not be deleted");
    }
  }
}
