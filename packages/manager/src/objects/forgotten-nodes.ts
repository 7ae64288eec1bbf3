// A node that is no longer one of the cluster's. Source: swarmkit manager/controlapi/node.go, RemoveNode.
import { describeCertificate } from "@mswarm/pki";
import { type Instant, internal, isSwarmError, wireTimestamp } from "@mswarm/runtime";
import { clusters, nodes, tasks, type WriteTransaction } from "@mswarm/store";
import type { Node } from "@mswarm/wire";
import { defaultClusterName } from "./cluster-spec.ts";
import { withRemovedNode } from "./removed-nodes.ts";
import { compareTaskStates } from "./task-state.ts";

/** Refuses the node's certificate from now on, gives up its tasks and removes it. */
export function forgetNode(tx: WriteTransaction, node: Node, now: Instant): void {
  const { id: nodeId = "" } = node;
  const [cluster] = tx.by(clusters, "name", defaultClusterName);
  if (cluster === undefined) throw internal("could not fetch cluster object");
  tx.update(clusters, withRemovedNode(cluster, { nodeId, expires: certificateEnd(node) }, now));
  orphanTasks(tx, nodeId, now);
  tx.remove(nodes, nodeId);
}

/** The end of the certificate that the node was last given; undefined where none is stored or it cannot be read. */
function certificateEnd({ certificate }: Node): Instant | undefined {
  const pem = certificate?.certificate;
  if (pem === undefined || pem.length === 0) return undefined;
  try {
    return describeCertificate(pem.toString("utf8")).notAfter;
  } catch (error) {
    if (isSwarmError(error)) return undefined;
    throw error;
  }
}

/** Nobody reports about these tasks any more. Those that have ended stay as they are. */
function orphanTasks(tx: WriteTransaction, nodeId: string, now: Instant): void {
  for (const task of tx.by(tasks, "node", nodeId)) {
    if (compareTaskStates(task.status?.state, "COMPLETE") >= 0) continue;
    const status = {
      timestamp: wireTimestamp(now),
      state: "ORPHANED",
      message: "Task belonged to a node that has been deleted",
    } as const;
    tx.update(tasks, { ...task, status });
  }
}
