import { invalidArgument } from "@mswarm/runtime";
import type { ConfChange, Entry, HardState, RaftId, Snapshot } from "./messages.ts";

/** How one member takes part. Times are in ticks; the driver decides how long a tick is. */
export interface RaftConfig {
  readonly id: RaftId;
  /** Election timeout: random in electionTicks … 2·electionTicks − 1; also the lease of a leader. More than `heartbeatTicks`. */
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  /** Ask before raising the term (thesis 9.6). Peers that do not ask are understood either way. */
  readonly preVote: boolean;
  /** A leader without a quorum for an election timeout steps down, and votes are refused while a leader is heard. */
  readonly checkQuorum: boolean;
  /** Bytes of entries in one append; a single larger entry travels alone. */
  readonly entriesBytesMax: number;
  /** Appends on their way to one follower before the leader waits for an answer. */
  readonly inflightMax: number;
  /** Bytes of entries in one `Ready.apply`, so that replay of a long log leaves room for heartbeats; at least one entry. */
  readonly applyBytesMax: number;
  /** The wire form of a membership change (raftpb.ConfChange in production). */
  readonly encodeConfChange: (change: ConfChange) => Buffer;
}

/** SwarmKit's parameters, and pre-vote. Source: wire reference 5.1. */
export const raftDefaults: Omit<RaftConfig, "id" | "encodeConfChange"> = {
  electionTicks: 10,
  heartbeatTicks: 1,
  preVote: true,
  checkQuorum: true,
  entriesBytesMax: 65_535,
  inflightMax: 256,
  applyBytesMax: 1_048_576,
};

/** What was found on disk. `entries` are consecutive and begin right behind the snapshot (or at any index at or before its end). */
export interface RecoveredState {
  readonly hardState: HardState | undefined;
  readonly snapshot: Snapshot | undefined;
  readonly entries: readonly Entry[];
}

/** A member that joins an existing cluster: it knows nothing until the leader tells it. */
export const emptyState: RecoveredState = { hardState: undefined, snapshot: undefined, entries: [] };

/**
 * The state of the first member of a new cluster: its log begins with the committed change that adds it.
 * Write it to the disk before the core starts with it.
 *
 * @param confChange  the encoded `add` change, with the member's record as context
 * Source: wire reference 5.7 (etcd's bootstrap).
 */
export function bootstrapState(confChange: Buffer): RecoveredState {
  return {
    hardState: { term: 1, vote: "0", commit: 1 },
    snapshot: undefined,
    entries: [{ term: 1, index: 1, type: "conf-change", data: confChange }],
  };
}

/** Refuses a configuration that cannot work: INVALID_ARGUMENT. */
export function checkConfig(config: RaftConfig): void {
  if (!/^[1-9][0-9]{0,19}$/.test(config.id)) throw invalidArgument(`raft id must be a positive number: "${config.id}"`);
  if (!(config.heartbeatTicks >= 1)) throw invalidArgument("heartbeat ticks must be at least 1");
  if (!(config.electionTicks > config.heartbeatTicks)) {
    throw invalidArgument("election ticks must be more than heartbeat ticks");
  }
  if (!(config.inflightMax >= 1)) throw invalidArgument("the in-flight limit must be at least 1");
}
