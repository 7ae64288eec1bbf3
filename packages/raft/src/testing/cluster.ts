// A cluster of cores in one process, moved moment by moment. One seed decides everything.
import { invariant, type Random } from "@mswarm/runtime";
import { SeededRandom } from "@mswarm/runtime/simulated";
import { emptyState, type RaftConfig, type RecoveredState, raftDefaults } from "../core/config.ts";
import type { Entry, RaftId, RaftMessage } from "../core/messages.ts";
import { encodeConfChange } from "./conf-change-text.ts";
import { History } from "./history.ts";
import { SafetyChecker } from "./safety.ts";
import type { DiskFault } from "./simulated-disk.ts";
import { type DriverFault, type MemberParts, SimulatedMember } from "./simulated-member.ts";
import { SimulatedNetwork } from "./simulated-network.ts";

export interface ClusterOptions {
  readonly seed: number;
  /** Voters at the beginning. */
  readonly members: number;
  /** Settings that differ from the defaults, drawn per member. */
  readonly configOf?: (random: Random) => Partial<RaftConfig>;
  /** Members whose rejected appends look like etcd 3.3's. */
  readonly speaksEtcd33?: (random: Random) => boolean;
  readonly diskFault?: DiskFault | undefined;
  readonly driverFault?: DriverFault | undefined;
}

/** Raft ids as in production: far beyond what a number can hold. */
const firstId = 9_007_199_254_740_993n;

/** A proposal that was acknowledged to its client. */
export interface Acknowledged {
  readonly data: string;
  readonly index: number;
}

export class RaftCluster {
  readonly history: History;
  readonly network: SimulatedNetwork;
  readonly checker: SafetyChecker;
  readonly random: SeededRandom;
  /** Grows only: a removed member stays, as in real life. */
  readonly members: Map<RaftId, SimulatedMember> = new Map();
  readonly acknowledged: Acknowledged[] = [];
  readonly #options: ClusterOptions;
  /** What transports tell their cores, by moment. */
  readonly #reports = new Map<number, (() => void)[]>();
  #proposed = 0;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.random = new SeededRandom(options.seed);
    this.history = new History(options.seed);
    this.network = new SimulatedNetwork(this.random.fork(), this.history);
    this.checker = new SafetyChecker(
      this.history,
      (id, index, term) => this.members.get(id)?.disk.holds(index, term) ?? false,
    );
    const ids = Array.from({ length: options.members }, (_, position) => String(firstId + BigInt(position)));
    for (const id of ids) this.#add(id, foundedBy(ids));
  }

  get moment(): number {
    return this.history.moment;
  }

  /** The running member that leads the latest term. */
  get leader(): SimulatedMember | undefined {
    let leader: SimulatedMember | undefined;
    for (const member of this.members.values()) {
      if (member.core?.isLeader && member.core.term > (leader?.core?.term ?? -1)) leader = member;
    }
    return leader;
  }

  /** The n-th member, counted from 1: the one that the history calls m1, m2 … */
  member(position: number): SimulatedMember {
    const member = [...this.members.values()][position - 1];
    invariant(member !== undefined, "there is no such member", { position });
    return member;
  }

  /** Starts a member that knows nothing; it takes part when a change of membership adds it. */
  join(): SimulatedMember {
    return this.#add(String(firstId + BigInt(this.members.size)), emptyState);
  }

  /** Proposes something new on `member`; undefined where it does not lead. */
  propose(member: SimulatedMember): string | undefined {
    const data = `p${this.#proposed + 1}`;
    const wasTaken = member.propose(Buffer.from(data), () => {
      this.acknowledged.push({ data, index: member.machine.index });
      this.history.record(member.id, "acknowledges", `${data} at ${member.machine.index}`);
    });
    if (!wasTaken) return undefined;
    this.#proposed += 1;
    return data;
  }

  /** Cuts the network into groups; members in none of them are cut off from all. */
  partition(...groups: readonly (readonly SimulatedMember[])[]): void {
    const groupOf = new Map(groups.flatMap((group, number) => group.map((member) => [member.id, number] as const)));
    this.history.record(
      "0",
      "partition",
      groups.map((group) => `{${group.map(({ id }) => this.history.nameOf(id)).join(" ")}}`).join(" "),
    );
    for (const from of this.members.keys()) {
      for (const to of this.members.keys()) {
        const together = groupOf.has(from) && groupOf.get(from) === groupOf.get(to);
        if (from !== to && !together) this.network.cut(from, to);
      }
    }
  }

  /** Lets time pass, until `condition` holds where one is given. True when it held, or none was given. */
  run(moments: number, condition?: () => boolean): boolean {
    for (let count = 0; count < moments; count += 1) {
      if (condition?.()) return true;
      this.#step();
    }
    return condition?.() ?? true;
  }

  /** Runs until somebody leads and everything it knows is committed; fails the run when that does not happen. */
  settle(moments = 2_000): SimulatedMember {
    const isSettled = (): boolean => {
      const core = this.leader?.core;
      return core !== undefined && core.committed === core.lastIndex && core.applied === core.committed;
    };
    if (!this.run(moments, isSettled)) this.history.fail(`no settled leader within ${moments} moments`);
    const { leader } = this;
    invariant(leader !== undefined, "a settled cluster has a leader");
    return leader;
  }

  #step(): void {
    this.history.moment += 1;
    const reports = this.#reports.get(this.moment);
    this.#reports.delete(this.moment);
    for (const report of reports ?? []) report();
    for (const message of this.network.arrivals(this.moment)) this.#deliver(message);
    for (const member of this.members.values()) member.run();
  }

  #deliver(message: RaftMessage): void {
    const receiver = this.members.get(message.to);
    if (this.network.isCut(message.from, message.to)) {
      this.#lose(message);
    } else if (receiver?.isFrozen) {
      // A process that stands still keeps its sockets: the message waits in them.
      this.#later(receiver.frozenUntil, () => this.#deliver(message));
    } else {
      if (message.type === "snap") this.#reportSnapshot(message, receiver?.isRunning === true);
      receiver?.receive(message);
    }
  }

  #send(message: RaftMessage): void {
    if (this.network.send(message) === "lost") this.#lose(message);
  }

  /** A transport notices most losses, some time later. */
  #lose(message: RaftMessage): void {
    this.history.recordMessage(message, "lost");
    if (message.type === "snap") this.#reportSnapshot(message, false);
    else if (this.random.below(2) === 0) {
      const hasBroken = this.random.below(4) === 0;
      this.#later(this.moment + 1 + this.random.below(20), () => {
        const core = this.members.get(message.from)?.core;
        core?.reportUnreachable(message.to);
        if (hasBroken) core?.reportDisconnected(message.to);
      });
    }
  }

  #reportSnapshot(message: RaftMessage, ok: boolean): void {
    this.#later(this.moment + 1 + this.random.below(5), () => {
      this.members.get(message.from)?.core?.reportSnapshot(message.to, ok);
    });
  }

  #later(moment: number, report: () => void): void {
    const at = Math.max(moment, this.moment + 1);
    const reports = this.#reports.get(at);
    if (reports === undefined) this.#reports.set(at, [report]);
    else reports.push(report);
  }

  #add(id: RaftId, initial: RecoveredState): SimulatedMember {
    const random = this.random.fork();
    const parts: MemberParts = {
      config: { ...raftDefaults, ...this.#options.configOf?.(random), id, encodeConfChange },
      initial,
      random,
      history: this.history,
      checker: () => this.checker,
      send: (message) => this.#send(message),
      answersAsEtcd33: this.#options.speaksEtcd33?.(random) ?? false,
      diskFault: this.#options.diskFault,
      driverFault: this.#options.driverFault,
    };
    const member = new SimulatedMember(parts);
    this.members.set(id, member);
    return member;
  }
}

/** The state from which all founders of a cluster begin: each is added by an entry of term 1. */
function foundedBy(ids: readonly RaftId[]): RecoveredState {
  const entries = ids.map((raftId, position): Entry => {
    const data = encodeConfChange({ id: String(position), type: "add", raftId, context: undefined });
    return { term: 1, index: position + 1, type: "conf-change", data };
  });
  return { hardState: { term: 1, vote: "0", commit: ids.length }, snapshot: undefined, entries };
}
