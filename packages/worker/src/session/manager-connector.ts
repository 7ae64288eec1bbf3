import type { Channel } from "@mswarm/rpc";
import { type Random, unavailable } from "@mswarm/runtime";
import { connectionOver, type ManagerConnection } from "./connection.ts";
import { observationWeight, type Remotes } from "./remotes.ts";

export interface ManagerConnectorParts {
  readonly remotes: Remotes;
  readonly random: Random;
  /**
   * A channel to the control socket while this node is a manager itself; that one is used then. Each call makes a new
   * one, here and below: a session closes its channel.
   */
  localChannel(): Channel | undefined;
  /** A lazy channel to a manager's address, with this node's certificate. */
  remoteChannel(address: string): Channel;
}

/** Connects to the manager on this node, or else to one of the known managers by weight. UNAVAILABLE: none is known. */
export function managerConnector(parts: ManagerConnectorParts): () => Promise<ManagerConnection> {
  return async () => {
    const local = parts.localChannel();
    if (local !== undefined) return connectionOver(local, "this node", () => undefined);
    const peer = parts.remotes.select(parts.random);
    if (peer === undefined) throw unavailable("no manager of the cluster is known");
    return connectionOver(parts.remoteChannel(peer.address), peer.address, (outcome) => {
      parts.remotes.observe(peer, outcome === "good" ? observationWeight : -observationWeight);
    });
  };
}
