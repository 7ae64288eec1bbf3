import type { Channel } from "./channel.ts";

/** Where the leader is, as this node sees it now. */
export type LeaderLocation = { readonly self: true } | { readonly self: false; readonly channel: Channel };

/** How a service that runs on the leader only finds it. */
export interface LeaderForwarder {
  /**
   * Waits for a leader; rejects with the signal's reason, or with a SwarmError when none has been known for too long.
   * The channel stays the forwarder's own: it is not closed after the call.
   */
  leader(signal: AbortSignal): Promise<LeaderLocation>;
}
