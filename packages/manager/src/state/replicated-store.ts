// The store as the state machine of Raft, and Raft as the proposer of the store.
import type { ClusterMembership, Entry, LeadershipState, RaftNode, StateMachine } from "@mswarm/raft";
import { type Clock, milliseconds } from "@mswarm/runtime";
import type { Proposer, Store } from "@mswarm/store";
import { decodeSnapshot, encodeSnapshot } from "./snapshot-codec.ts";

/** Of encoding a snapshot, before timers and sockets get their turn. */
const turnMax = milliseconds(5);

/** Gives committed entries and snapshots to the store, and lets it write while this manager leads. */
export class ReplicatedStore implements StateMachine {
  readonly #store: Store;
  readonly #clock: Clock;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Errors: DATA_LOSS for an entry that cannot be decoded. */
  apply(entries: readonly Entry[]): void {
    for (const { data } of entries) if (data !== undefined) this.#store.applyEntry(data);
  }

  snapshot(membership: ClusterMembership): Promise<Buffer> {
    const clock = this.#clock;
    let turnBegan = clock.monotonic();
    return encodeSnapshot({ membership, store: this.#store.save() }, () => {
      if (clock.monotonic() - turnBegan < turnMax) return undefined;
      return clock.sleep(milliseconds(0)).then(() => {
        turnBegan = clock.monotonic();
      });
    });
  }

  /** Errors: DATA_LOSS. */
  restore(data: Buffer): ClusterMembership {
    const { membership, store } = decodeSnapshot(data);
    this.#store.restore(store);
    return membership;
  }

  /**
   * Lets the store lead while `node` does. Call it before anybody else listens to the node's leadership, so that a
   * leader's loops find a store they can write to.
   *
   * @returns ends the connection; the store then follows
   */
  connect(node: RaftNode): () => void {
    const proposer: Proposer = {
      get nextIndex() {
        return node.nextIndex;
      },
      propose: (entries) => node.propose(entries),
    };
    let leadingTerm: number | undefined;
    const adopt = ({ isLeader, term }: LeadershipState): void => {
      const wanted = isLeader ? term : undefined;
      if (wanted === leadingTerm) return;
      leadingTerm = wanted;
      if (isLeader) this.#store.lead(proposer);
      else this.#store.follow();
    };
    const stop = node.onLeadership(adopt);
    adopt(node.leadership);
    return () => {
      stop();
      leadingTerm = undefined;
      this.#store.follow();
    };
  }
}
