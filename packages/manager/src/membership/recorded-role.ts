import { nodes, type Store } from "@mswarm/store";

/**
 * The question whether a node may still use its manager's certificate, which outlives a demotion: true for a node that
 * the cluster records as a worker. Reads the store at each call; a node that is not recorded is not demoted.
 */
export function demotedNodes(store: Store): (nodeId: string) => boolean {
  return (nodeId) => {
    const node = store.view((tx) => tx.get(nodes, nodeId));
    return node !== undefined && node.role !== "MANAGER";
  };
}
