import type { NodeIdentity } from "./call.ts";

/**
 * Verifies a presented certificate chain (DER, leaf first, all that was presented) and names the peer.
 * Rejects with a SwarmError; its text is logged, never sent to the peer.
 */
export interface PeerVerifier {
  /** The chain of a node that connected to us. */
  verifyClient(chain: readonly Buffer[]): Promise<NodeIdentity>;
  /** The chain of the server we connected to; `serverName` is the name asked for, "" for none. */
  verifyServer(chain: readonly Buffer[], serverName: string): Promise<NodeIdentity>;
}
