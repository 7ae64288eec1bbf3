import type { Clock, Duration, Logger, Random } from "@mswarm/runtime";
import type { RaftConfig } from "../core/config.ts";
import type { LogStore } from "../disk/log-store.ts";
import type { RaftStart } from "./raft-start.ts";
import type { StateMachine } from "./state-machine.ts";
import type { Transport } from "./transport.ts";

export interface RaftNodeOptions {
  readonly start: RaftStart;
  /** Length of a tick; 100 ms where absent. A group with Docker members needs one second. */
  readonly tickInterval?: Duration;
  /** Applied entries between two snapshots; 10,000 where absent. Read anew each time: it may be a getter. */
  readonly snapshotInterval?: number;
  /** Entries kept behind a snapshot; 500 where absent. Read anew each time: it may be a getter. */
  readonly entriesKept?: number;
  /** Parameters of the core that differ from `raftDefaults`. */
  readonly raft?: Partial<Omit<RaftConfig, "id" | "encodeConfChange">>;
}

export interface RaftNodeParts {
  /** Open, not loaded. The node owns it from now on and closes it. */
  readonly store: LogStore;
  readonly stateMachine: StateMachine;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** The node has stopped by itself, because its disk or its state machine failed. Called at most once. */
  readonly onFailure: (error: Error) => void;
  /** This member was removed from the cluster. Called at most once; the node runs on until it is stopped. */
  readonly onRemoved: () => void;
}

/** Largest proposal, in bytes. Source: swarmkit manager/state/store, MaxTransactionBytes (wire reference 5.1). */
export const proposalBytesMax = 1_572_864;
