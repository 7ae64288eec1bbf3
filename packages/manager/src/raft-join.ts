// How a manager without a log becomes a member of Raft: it asks, and starts under the id it is given (wire 5.3).

import type { LogStore, Member, RaftId, RaftStart } from "@mswarm/raft";
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

export interface RaftJoinParts {
  readonly clock: Clock;
  readonly log: Logger;
  /** A channel to some manager; each try takes a new one. */
  readonly joinChannel: () => Channel;
}

/** Request timeout of SwarmKit's join: 5 s + 2 election timeouts of 10 s. */
const joinTimeout = seconds(25);
const pause = seconds(1);
const triesMax = 20;

/**
 * Asks a manager to be admitted under `address` until one does.
 * Errors: PERMISSION_DENIED and FAILED_PRECONDITION of the leader at once; the last failure after 20 tries.
 */
export async function requestJoin(
  self: { readonly nodeId: string; readonly address: string },
  parts: RaftJoinParts,
  signal: AbortSignal,
): Promise<RaftStart> {
  let last: unknown;
  for (let attempt = 1; ; attempt += 1) {
    throwIfAborted(signal);
    const channel = parts.joinChannel();
    try {
      const answer = await channel
        .client("docker.swarmkit.v1.RaftMembership")
        .Join({ addr: self.address }, { signal, timeout: joinTimeout });
      const members = (answer.members ?? []).map(
        ({ raftId = "0", nodeId = "", addr = "" }): Member => ({ raftId, nodeId, address: addr }),
      );
      return { kind: "join", self: { raftId: answer.raftId ?? "0", ...self }, members };
    } catch (error) {
      // Why it was not admitted says more than that its time is over.
      if (signal.aborted) throw last ?? error;
      last = error;
      const isFinal =
        isSwarmError(error, "PERMISSION_DENIED") ||
        (isSwarmError(error, "FAILED_PRECONDITION") && !/leader/.test(error.message));
      if (isFinal || attempt === triesMax) throw error;
      parts.log.info({ attempt, reason: messageOf(error) }, "not admitted to raft yet");
      await parts.clock.sleep(pause, signal).catch(() => {
        throw error;
      });
    } finally {
      channel.close();
    }
  }
}

/** Loads the log now, and gives the result to whoever loads it next: a log store is loaded once. */
export async function loadedLog(store: LogStore): Promise<{ readonly hasLog: boolean; readonly store: LogStore }> {
  const recovered = await store.load();
  return {
    hasLog: recovered.identity !== undefined,
    store: {
      load: () => Promise.resolve(recovered),
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

/** A raft id for the first member: random in 1 … 2^63. Source: wire 3.1. */
export function newRaftId(random: Random): RaftId {
  return String((random.bytes(8).readBigUInt64BE() >> 1n) + 1n);
}
