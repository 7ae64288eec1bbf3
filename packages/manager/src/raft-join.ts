// How a manager without a log becomes a member of Raft: it asks, and starts under the id it is given (wire 5.3).

import { type LogStore, type Member, noRaftId, type RaftId, type RaftStart, type RecoveredLog } from "@mswarm/raft";
import type { Channel } from "@mswarm/rpc";
import {
  type Clock,
  isSwarmError,
  type Logger,
  messageOf,
  type Random,
  seconds,
  throwIfAborted,
} from "@mswarm/runtime";

/** One step of the way into Raft. */
export type AdmissionStep =
  /** From now on the cluster may come to count on this member, whether it learns of it or not. */
  { readonly kind: "asking"; readonly raftId: RaftId } | { readonly kind: "not-admitted"; readonly error: unknown };

export interface RaftJoinParts {
  readonly clock: Clock;
  readonly log: Logger;
  /** A channel to some manager; each try takes a new one. */
  readonly joinChannel: () => Channel;
  readonly onAdmissionStep?: (step: AdmissionStep) => void;
}

/** Request timeout of SwarmKit's join: 5 s + 2 election timeouts of 10 s. */
const joinTimeout = seconds(25);
const pause = seconds(1);
const triesMax = 5;
const withdrawTimeout = seconds(3);

/**
 * Asks a manager to be admitted under `address` until one does.
 * Errors: a refusal of the leader at once (`isAdmissionRefusal`); the last failure after 5 tries, or when the signal aborts.
 */
export async function requestJoin(
  self: Member,
  parts: RaftJoinParts,
  signal: AbortSignal,
): Promise<Extract<RaftStart, { kind: "join" }>> {
  const { log, clock, onAdmissionStep } = parts;
  onAdmissionStep?.({ kind: "asking", raftId: self.raftId });
  let last: unknown;
  for (let attempt = 1; ; attempt += 1) {
    throwIfAborted(signal);
    try {
      return await askOnce(self, parts, signal);
    } catch (error) {
      // Why it was not admitted says more than that its time is over.
      if (signal.aborted) throw last ?? error;
      last = error;
      onAdmissionStep?.({ kind: "not-admitted", error });
      if (isAdmissionRefusal(error) || attempt === triesMax) throw error;
      log.info({ attempt, reason: messageOf(error) }, "not admitted to raft yet");
      await clock.sleep(pause, signal).catch(() => {
        throw error;
      });
    }
  }
}

async function askOnce(
  { nodeId, address }: Member,
  { joinChannel }: RaftJoinParts,
  signal: AbortSignal,
): Promise<Extract<RaftStart, { kind: "join" }>> {
  const channel = joinChannel();
  try {
    const answer = await channel
      .client("docker.swarmkit.v1.RaftMembership")
      .Join({ addr: address }, { signal, timeout: joinTimeout });
    const members = (answer.members ?? []).map(
      (member): Member => ({
        raftId: member.raftId ?? noRaftId,
        nodeId: member.nodeId ?? "",
        address: member.addr ?? "",
      }),
    );
    return { kind: "join", self: { raftId: answer.raftId ?? noRaftId, nodeId, address }, members };
  } finally {
    channel.close();
  }
}

/**
 * Takes a member out of Raft, or takes back what `requestJoin` has asked for: afterwards the cluster does not count on
 * that member. Errors: when the manager does not confirm it; the cluster may count on it then.
 */
export async function withdrawFromRaft(raftId: RaftId, openChannel: () => Channel, signal: AbortSignal): Promise<void> {
  const channel = openChannel();
  try {
    const { Leave: leave } = channel.client("docker.swarmkit.v1.RaftMembership");
    await leave({ node: { raftId } }, { signal, timeout: withdrawTimeout });
  } finally {
    channel.close();
  }
}

/**
 * A leader's "no" to a manager that asks to be admitted. What Raft itself cannot do at this moment (no leader, no quorum,
 * not part of a cluster yet) is none.
 */
export function isAdmissionRefusal(error: unknown): boolean {
  if (isSwarmError(error, "PERMISSION_DENIED") || isSwarmError(error, "INVALID_ARGUMENT")) return true;
  return isSwarmError(error, "FAILED_PRECONDITION") && !/^raft: |leader/.test(error.message);
}

export interface LoadedLog {
  /** The log has been taken part with; undefined for one that is empty. */
  readonly hasLog: boolean;
  /** Whom the log belongs to; in an empty log the id that was reserved for asking to be admitted. */
  readonly raftId: RaftId;
  readonly nodeId: string | undefined;
  /** Gives what was loaded to whoever loads it next: a log store is loaded once. */
  readonly store: LogStore;
}

/** Loads the log. Errors: those of the log store. */
export async function loadedLog(store: LogStore): Promise<LoadedLog> {
  const recovered = await store.load();
  const hasLog = hasTakenPart(recovered);
  // A reserved id is only a wish: the leader's answer decides, and may differ.
  const log: RecoveredLog = hasLog ? recovered : { ...recovered, identity: undefined };
  return {
    hasLog,
    raftId: recovered.identity?.self.raftId ?? noRaftId,
    nodeId: recovered.identity?.self.nodeId,
    store: {
      load: () => Promise.resolve(log),
      saveIdentity: (identity) => store.saveIdentity(identity),
      append: (batch) => store.append(batch),
      saveSnapshot: (snapshot) => store.saveSnapshot(snapshot),
      readSnapshot: () => store.readSnapshot(),
      compact: (index) => store.compact(index),
      rekey: () => store.rekey(),
      close: () => store.close(),
    },
  };
}

/** Whoever has voted or acknowledged anything has written it down. */
function hasTakenPart({ identity, hardState, snapshot, entries }: RecoveredLog): boolean {
  return identity !== undefined && (hardState !== undefined || snapshot !== undefined || entries.length > 0);
}

/** A raft id: random in 1 … 2^63. Source: wire 3.1. */
export function newRaftId(random: Random): RaftId {
  return String((random.bytes(8).readBigUInt64BE() >> 1n) + 1n);
}
