import type { RaftId, RaftMessage } from "../core/messages.ts";
import type { Member } from "./state-machine.ts";

/**
 * Carries messages to the other members. It may lose, repeat and delay them; what it cannot deliver it reports to the
 * TransportListener it was attached to.
 */
export interface Transport {
  /** Never waits and never throws. The messages are immutable. */
  send(messages: readonly RaftMessage[]): void;
  /** All members, this one included; replaces the list before. */
  setMembers(members: readonly Member[]): void;
  /** True when the last contact with that member succeeded. */
  reachable(raftId: RaftId): boolean;
}

/** What a transport tells a RaftNode. */
export interface TransportListener {
  step(message: RaftMessage): void;
  /** A message was not delivered. */
  reportUnreachable(raftId: RaftId): void;
  /** An established connection broke; a follower whose leader that was looks for another one soon. */
  reportDisconnected(raftId: RaftId): void;
  /** A snapshot was delivered, or was given up; exactly once for each one sent. */
  reportSnapshot(raftId: RaftId, ok: boolean): void;
  /** Another member says that this one was removed from the cluster. */
  reportRemoved(): void;
  /** Another member refuses this one for good: it must not take part as long as nobody else listens to it. */
  reportRefused(raftId: RaftId, reason: Error): void;
}
