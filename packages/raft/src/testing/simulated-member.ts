// One member of a simulated cluster: core, disk and state machine, and a driver whose every step can be its last.
import { invariant, isSwarmError, type Random } from "@mswarm/runtime";
import type { RaftConfig, RecoveredState } from "../core/config.ts";
import type { RaftId, RaftMessage, Snapshot } from "../core/messages.ts";
import { RaftCore } from "../core/raft-core.ts";
import type { Ready } from "../core/ready.ts";
import { decodeConfChange } from "./conf-change-text.ts";
import type { History } from "./history.ts";
import type { SafetyChecker } from "./safety.ts";
import { type DiskFault, SimulatedDisk } from "./simulated-disk.ts";
import { DigestMachine } from "./state-machine.ts";

/** How one member behaves; chances are per occasion, times in moments. */
export interface MemberWeather {
  readonly tickPeriod: number;
  readonly diskLatencyMax: number;
  readonly stallRate: number;
  readonly stallMax: number;
  /** Chance to die between any two steps of the driver. */
  readonly crashRate: number;
  /** Entries applied between two snapshots. */
  readonly snapshotInterval: number;
  /** Entries kept behind a snapshot for slow followers. */
  readonly entriesKept: number;
}

export const calmMember: MemberWeather = {
  tickPeriod: 10,
  diskLatencyMax: 1,
  stallRate: 0,
  stallMax: 0,
  crashRate: 0,
  snapshotInterval: 1_000,
  entriesKept: 100,
};

/**
 * Ways in which a driver may break the order of duties, to show that the checker notices:
 * answering, or reporting a ready as done, before the disk has it.
 */
export type DriverFault = "answers-before-sync" | "advances-before-sync";

export interface MemberParts {
  readonly config: RaftConfig;
  readonly initial: RecoveredState;
  readonly random: Random;
  readonly history: History;
  readonly checker: () => SafetyChecker;
  readonly send: (message: RaftMessage) => void;
  /** Answers rejected appends as etcd 3.3 does: with the last index as the hint, and no term. */
  readonly answersAsEtcd33?: boolean;
  readonly diskFault?: DiskFault | undefined;
  readonly driverFault?: DriverFault | undefined;
}

interface Proposal {
  readonly index: number;
  readonly term: number;
  readonly acknowledge: () => void;
}

type Work =
  | { readonly kind: "ready"; readonly ready: Ready; readonly until: number }
  | { readonly kind: "snapshot"; readonly snapshot: Snapshot; readonly compactTo: number; readonly until: number };

export class SimulatedMember {
  readonly id: RaftId;
  readonly disk: SimulatedDisk;
  weather: MemberWeather = calmMember;
  /** Frozen until this moment: no ticks, no messages, no work; it does not know. */
  frozenUntil = 0;
  readonly #parts: MemberParts;
  #core: RaftCore | undefined;
  #machine = new DigestMachine();
  #work: Work | undefined;
  #nextTick = 0;
  #snapshotDue = false;
  #proposals: Proposal[] = [];

  constructor(parts: MemberParts) {
    this.#parts = parts;
    this.id = parts.config.id;
    this.disk = new SimulatedDisk(parts.initial, parts.diskFault);
    this.start();
  }

  get isRunning(): boolean {
    return this.#core !== undefined;
  }
  get isFrozen(): boolean {
    return this.#parts.history.moment < this.frozenUntil;
  }
  /** Undefined while it is down. */
  get core(): RaftCore | undefined {
    return this.#core;
  }
  get machine(): DigestMachine {
    return this.#machine;
  }

  start(): void {
    const { config, random, history } = this.#parts;
    const recovered = this.disk.load();
    this.#machine = new DigestMachine();
    if (recovered.snapshot !== undefined) this.#machine.restore(recovered.snapshot.data);
    this.#core = new RaftCore(config, recovered, random);
    this.#nextTick = history.moment + random.below(this.weather.tickPeriod);
    history.record(this.id, "starts", `term=${this.#core.term} last=${this.#core.lastIndex}`);
    this.#observe(this.#core);
  }

  crash(): void {
    this.disk.crash(this.#parts.random);
    this.#core = undefined;
    this.#work = undefined;
    this.#snapshotDue = false;
    this.#proposals = [];
    this.#parts.history.record(this.id, "crashes");
  }

  receive(message: RaftMessage): void {
    if (this.#core === undefined) return;
    this.#parts.history.recordMessage(message, "delivered");
    try {
      this.#core.step(message);
    } catch (error) {
      // The core reports that its disk lost what it had acknowledged: right only where the disk was told to lie.
      if (!isSwarmError(error, "DATA_LOSS")) throw error;
      this.#parts.history.fail(`${this.#parts.history.nameOf(this.id)} noticed a loss: ${error.message}`);
    }
    this.#observe(this.#core);
  }

  /** Proposes if it leads; false where that is refused. */
  propose(data: Buffer, acknowledge: () => void): boolean {
    return this.#try((core) => {
      this.#proposals.push({ index: core.propose(data), term: core.term, acknowledge });
    });
  }

  /** Calls the core for something that it may refuse. */
  ask(action: (core: RaftCore) => void): boolean {
    return this.#try(action);
  }

  /** Lets the member do what is due at this moment. */
  run(): void {
    const { history } = this.#parts;
    if (this.#core === undefined || this.isFrozen) return;
    if (history.moment >= this.#nextTick) {
      this.#nextTick = history.moment + this.weather.tickPeriod;
      this.#core.tick();
      this.#observe(this.#core);
    }
    while (this.#core !== undefined && this.#proceed(this.#core)) {
      // one duty after another, until the disk is waited for or nothing is left
    }
  }

  /** One step of the driver; false when there is nothing to do now. */
  #proceed(core: RaftCore): boolean {
    const work = this.#work;
    if (work === undefined) {
      if (this.#snapshotDue) return this.#beginSnapshot(core);
      return core.hasReady() && this.#begin(core);
    }
    if (this.#parts.history.moment < work.until) return false;
    this.#work = undefined;
    this.disk.sync();
    if (this.#dies()) return false;
    return work.kind === "ready" ? this.#finish(core, work.ready) : this.#finishSnapshot(core, work);
  }

  #begin(core: RaftCore): boolean {
    const { history, checker, send, driverFault } = this.#parts;
    const ready = core.takeReady();
    checker().entriesWritten({ id: this.id, core }, ready.persist.entries);
    const { leadership } = ready;
    if (leadership !== undefined) {
      history.record(
        this.id,
        `becomes ${leadership.role}`,
        `term=${leadership.term} leader=${history.nameOf(leadership.leaderId)}`,
      );
    }
    for (const message of ready.sendAtOnce) send(message);
    if (driverFault === "answers-before-sync") for (const message of ready.sendAfterPersist) this.#send(core, message);
    if (this.#dies()) return false;
    if (!ready.needsPersist) return this.#finish(core, ready);
    this.disk.begin({ kind: "ready", persist: ready.persist });
    if (driverFault === "advances-before-sync") this.#applyAndAdvance(core, ready);
    this.#work = { kind: "ready", ready, until: this.#diskDone() };
    return true;
  }

  /** The disk has it: the rest of the duties. */
  #finish(core: RaftCore, ready: Ready): boolean {
    const { driverFault } = this.#parts;
    if (driverFault !== "answers-before-sync") for (const message of ready.sendAfterPersist) this.#send(core, message);
    if (this.#dies()) return false;
    if (driverFault !== "advances-before-sync" || !ready.needsPersist) this.#applyAndAdvance(core, ready);
    return !this.#dies();
  }

  #applyAndAdvance(core: RaftCore, ready: Ready): void {
    const { checker } = this.#parts;
    this.#restore(core, ready.persist.snapshot);
    for (const entry of ready.apply) {
      invariant(entry.index === this.#machine.index + 1, "an entry was left out", { index: entry.index });
      this.#machine.apply(entry);
      checker().applied({ id: this.id, core }, entry, this.#machine.digest);
      if (entry.type === "conf-change") this.#applyConfChange(core, entry.data);
      this.#settle(entry.index, entry.term);
    }
    core.advance(ready);
    this.#observe(core);
    const isLarge = core.applied - core.status().snapshotIndex >= this.weather.snapshotInterval;
    this.#snapshotDue = ready.needsSnapshot || (isLarge && ready.apply.length > 0);
  }

  #restore(core: RaftCore, snapshot: Snapshot | undefined): void {
    if (snapshot === undefined) return;
    this.#machine.restore(snapshot.data);
    this.#parts.checker().restored({ id: this.id, core }, snapshot.meta.index, this.#machine.digest);
    this.#parts.history.record(this.id, "restores a snapshot", `at ${snapshot.meta.index}`);
  }

  #applyConfChange(core: RaftCore, data: Buffer | undefined): void {
    const { history } = this.#parts;
    const change = decodeConfChange(data);
    const voters = core.applyConfChange(change).map((id) => history.nameOf(id));
    history.record(this.id, `applies ${change.type}`, `${history.nameOf(change.raftId)}: voters ${voters.join(",")}`);
  }

  #beginSnapshot(core: RaftCore): boolean {
    this.#snapshotDue = false;
    const snapshot: Snapshot = { meta: core.snapshotMeta(), data: this.#machine.snapshot() };
    const compactTo = Math.max(0, snapshot.meta.index - this.weather.entriesKept);
    this.disk.begin({ kind: "snapshot", snapshot, compactTo });
    this.#work = { kind: "snapshot", snapshot, compactTo, until: this.#diskDone() };
    return true;
  }

  #finishSnapshot(core: RaftCore, { snapshot, compactTo }: Extract<Work, { kind: "snapshot" }>): boolean {
    core.keepSnapshot(snapshot);
    core.compact(compactTo);
    this.#parts.history.record(this.id, "keeps a snapshot", `at ${snapshot.meta.index}, log from ${compactTo + 1}`);
    this.#observe(core);
    return true;
  }

  /** Answers the clients whose proposals were applied here, or were overtaken. */
  #settle(index: number, term: number): void {
    if (this.#proposals.length === 0) return;
    for (const proposal of this.#proposals) {
      if (proposal.index === index && proposal.term === term) proposal.acknowledge();
    }
    this.#proposals = this.#proposals.filter((proposal) => proposal.index > index);
  }

  #send(core: RaftCore, message: RaftMessage): void {
    const { checker, send, answersAsEtcd33 } = this.#parts;
    checker().messageSent({ id: this.id, core }, message);
    const isRejectedAppend = message.type === "app-resp" && message.reject;
    if (answersAsEtcd33 && isRejectedAppend) send({ ...message, logTerm: 0, rejectHint: core.lastIndex });
    else send(message);
  }

  #try(action: (core: RaftCore) => void): boolean {
    if (this.#core === undefined || this.isFrozen) return false;
    try {
      action(this.#core);
    } catch (error) {
      if (!isSwarmError(error)) throw error;
      return false;
    }
    this.#observe(this.#core);
    return true;
  }

  #diskDone(): number {
    const { random, history } = this.#parts;
    const { stallRate, stallMax, diskLatencyMax } = this.weather;
    const limit = random.fraction() < stallRate ? stallMax : diskLatencyMax;
    return history.moment + random.below(limit + 1);
  }

  #dies(): boolean {
    if (this.weather.crashRate === 0 || this.#parts.random.fraction() >= this.weather.crashRate) return false;
    this.crash();
    return true;
  }

  #observe(core: RaftCore): void {
    this.#parts.checker().observe({ id: this.id, core });
  }
}
