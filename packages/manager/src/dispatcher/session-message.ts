// What a node is told about itself and its managers.
import { notFound } from "@mswarm/runtime";
import { clusters, nodes, type ReadTransaction } from "@mswarm/store";
import type { Cluster, SessionMessage, WeightedPeer } from "@mswarm/wire";

/** A manager as other nodes reach it. */
export interface ManagerAddress {
  readonly nodeId: string;
  /** `host:port` that other nodes dial. */
  readonly address: string;
}

/** The members of the Raft group, as far as the dispatcher needs them. */
export interface ManagerList {
  managers(): readonly ManagerAddress[];
  /** Calls `listener` after each change of the list; returns the function that ends it. */
  onChange(listener: () => void): () => void;
}

/** Every manager gets the same. Source: swarmkit remotes/remotes.go, DefaultObservationWeight. */
const weight = "10";

/** What of the cluster object a session message carries. */
export interface ClusterView {
  readonly rootCertificate: Buffer;
  readonly networkKeys: NonNullable<Cluster["networkBootstrapKeys"]>;
}

export function clusterView(cluster: Cluster | undefined): ClusterView {
  return {
    rootCertificate: cluster?.rootCa?.caCert ?? Buffer.alloc(0),
    networkKeys: cluster?.networkBootstrapKeys ?? [],
  };
}

/**
 * A session message; every field is set in every one of them, and every manager has its `peer`: Docker's agent relies
 * on both.
 * Errors: NOT_FOUND `node not registered` when the node object is gone.
 */
export function sessionMessage(
  tx: ReadTransaction,
  session: { readonly nodeId: string; readonly id: string },
  options: { readonly clusterId: string; readonly managers: readonly ManagerAddress[] },
): SessionMessage {
  const node = tx.get(nodes, session.nodeId);
  if (node === undefined) throw notFound("node not registered");
  const cluster = clusterView(tx.get(clusters, options.clusterId));
  return {
    sessionId: session.id,
    node,
    managers: options.managers.map(
      ({ nodeId, address }): WeightedPeer => ({ peer: { nodeId, addr: address }, weight }),
    ),
    networkBootstrapKeys: [...cluster.networkKeys],
    RootCA: cluster.rootCertificate,
  };
}

/** The last message of a leader that stops: the node has to look for the next one. */
export function farewell(message: SessionMessage): SessionMessage {
  const status = {
    ...message.node?.status,
    state: "DISCONNECTED",
    message: "node is currently trying to find new manager",
  } as const;
  return { ...message, node: { ...message.node, status } };
}
