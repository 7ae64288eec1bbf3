// A group of RaftNodes on a MemoryNetwork, with a state machine that remembers what was applied. For tests.
import { type Clock, type Duration, invariant, milliseconds, type Random, silentLogger } from "@mswarm/runtime";
import type { Entry, RaftId } from "../../core/messages.ts";
import type { LogStore } from "../../disk/log-store.ts";
import { RaftNode } from "../raft-node.ts";
import type { RaftNodeOptions } from "../raft-node-options.ts";
import type { RaftStart } from "../raft-start.ts";
import type { ClusterMembership, Member, StateMachine } from "../state-machine.ts";
import { MemoryNetwork } from "./memory-network.ts";

/** Remembers the texts of all entries. */
export class ListMachine implements StateMachine {
  texts: string[] = [];
  restores = 0;

  apply(entries: readonly Entry[]): void {
    for (const entry of entries) this.texts.push(String(entry.data));
  }

  async snapshot(membership: ClusterMembership): Promise<Buffer> {
    return Buffer.from(JSON.stringify({ texts: this.texts, membership }));
  }

  restore(data: Buffer): ClusterMembership {
    const { texts, membership } = JSON.parse(String(data)) as { texts: string[]; membership: ClusterMembership };
    this.texts = texts;
    this.restores += 1;
    return membership;
  }
}

export const memberOf = (raftId: RaftId): Member => ({
  raftId,
  nodeId: `node-${raftId}`,
  address: `10.0.0.${raftId}:2377`,
});

export interface Participant {
  readonly node: RaftNode;
  readonly machine: ListMachine;
  readonly failures: Error[];
  /** How often this member was told that it was removed. */
  readonly removals: number;
}

export interface GroupParts {
  readonly clock: Clock;
  readonly random: Random;
  /** The store of a member; called at each of its starts. */
  readonly openStore: (raftId: RaftId) => Promise<LogStore>;
  readonly options?: Omit<RaftNodeOptions, "start">;
}

export class TestGroup {
  readonly network: MemoryNetwork = new MemoryNetwork();
  readonly #participants = new Map<RaftId, Participant>();
  readonly #parts: GroupParts;

  constructor(parts: GroupParts) {
    this.#parts = parts;
  }

  get(raftId: RaftId): Participant {
    const participant = this.#participants.get(raftId);
    invariant(participant !== undefined, "no such member", { raftId });
    return participant;
  }

  all(): readonly Participant[] {
    return [...this.#participants.values()];
  }

  /** The member that leads and is ready. */
  leader(): Participant | undefined {
    return this.all().find(({ node }) => node.leadership.isLeader);
  }

  async start(raftId: RaftId, start: RaftStart): Promise<Participant> {
    const { clock, random, openStore, options } = this.#parts;
    const machine = new ListMachine();
    const failures: Error[] = [];
    const removed = { times: 0 };
    const node = await RaftNode.start(
      { ...options, start },
      {
        store: await openStore(raftId),
        stateMachine: machine,
        transport: this.network.transport(raftId),
        clock,
        random,
        log: silentLogger(),
        onFailure: (error) => void failures.push(error),
        onRemoved: () => {
          removed.times += 1;
        },
      },
    );
    const participant = {
      node,
      machine,
      failures,
      get removals() {
        return removed.times;
      },
    };
    this.#participants.set(raftId, participant);
    this.network.attach(raftId, node);
    return participant;
  }

  bootstrap(raftId: RaftId): Promise<Participant> {
    return this.start(raftId, { kind: "bootstrap", self: memberOf(raftId) });
  }

  /** Joins a member through the leader; resolves when the change was applied there. */
  async join(raftId: RaftId): Promise<Participant> {
    const leader = this.leader();
    invariant(leader !== undefined, "nobody leads");
    const self = memberOf(raftId);
    await leader.node.addMember(self);
    return this.start(raftId, { kind: "join", self, members: leader.node.members() });
  }

  /** Ends a member without a word to the others, as a crash does. */
  async crash(raftId: RaftId): Promise<void> {
    const { node } = this.get(raftId);
    this.network.cut(raftId);
    this.network.detach(raftId);
    this.#participants.delete(raftId);
    await node.stop({ handOver: false });
    this.network.heal(raftId);
  }

  async stop(): Promise<void> {
    await Promise.all(this.all().map(({ node }) => node.stop({ handOver: false })));
  }
}

/** A tick in tests. */
export const tick: Duration = milliseconds(100);
