import type { Duration } from "@mswarm/runtime";
import type { Channel } from "./channel.ts";

/** Where the leader is, as this node sees it now. */
export type LeaderLocation = { readonly self: true } | { readonly self: false; readonly channel: Channel };

export function isSameLocation(left: LeaderLocation, right: LeaderLocation): boolean {
  return left.self ? right.self : !right.self && left.channel === right.channel;
}

/** A leader that did not take a call. */
export interface FormerLeader {
  readonly location: LeaderLocation;
  /** When it may be tried again, if no other one is known until then. */
  readonly pause: Duration;
}

/** How a service that runs on the leader only finds it. */
export interface LeaderForwarder {
  /** True while this node leads, so that `leader` need not be asked. Absent: it always is. */
  isHere?(): boolean;
  /**
   * Waits for a leader; rejects with the signal's reason, or with a SwarmError when none has been known for too long.
   * The channel stays the forwarder's own: it is not closed after the call.
   *
   * @param former  waits until the leader is elsewhere, at most for the pause. Whoever does not is waited for
   */
  leader(signal: AbortSignal, former?: FormerLeader): Promise<LeaderLocation>;
}
