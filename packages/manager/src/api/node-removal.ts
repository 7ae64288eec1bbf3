// What removing a node means for everything that knows it. Source: swarmkit manager/controlapi/node.go, RemoveNode.

import { describeCertificate } from "@mswarm/pki";
import { failedPrecondition, type Instant, internal, isSwarmError, wireTimestamp } from "@mswarm/runtime";
import { clusters, nodes, tasks, type WriteTransaction } from "@mswarm/store";
import type { Node, RemoveNodeRequest, RemoveNodeResponse } from "@mswarm/wire";
import { defaultClusterName } from "../objects/cluster-spec.ts";
import { withRemovedNode } from "../objects/removed-nodes.ts";
import { compareTaskStates } from "../objects/task-state.ts";
import type { ControlOperation, MembershipView } from "./control-parts.ts";
import { existing, incomplete } from "./stored.ts";

/**
 * Refuses the node's certificate from now on, gives up its tasks and forgets it, all in one transaction.
 * Errors: INVALID_ARGUMENT, NOT_FOUND, FAILED_PRECONDITION for members of the Raft cluster and for nodes that are up.
 */
export const removeNode: ControlOperation<RemoveNodeRequest, RemoveNodeResponse> = async (
  { store, clock, membership },
  { nodeId = "", force = false },
) => {
  if (nodeId === "") throw incomplete();
  await store.update((tx) => {
    const node = existing(tx, nodes, nodeId);
    requireRemovable(node, force, membership);
    const now = clock.now();
    const [cluster] = tx.by(clusters, "name", defaultClusterName);
    if (cluster === undefined) throw internal("could not fetch cluster object");
    tx.update(clusters, withRemovedNode(cluster, { nodeId, expires: certificateEnd(node) }, now));
    orphanTasks(tx, nodeId, now);
    tx.remove(nodes, nodeId);
  });
  return {};
};

function requireRemovable({ id = "", status }: Node, force: boolean, membership: MembershipView): void {
  const isMember = membership.members().some((member) => member.nodeId === id);
  // Differs: SwarmKit asks only for managers by desired role; a demoted one that has not left Raft yet counts here too.
  if (isMember) {
    throw failedPrecondition(
      `node ${id} is a cluster manager and is a member of the raft cluster. It must be demoted to worker before removal`,
    );
  }
  if (!force && status?.state === "READY") {
    throw failedPrecondition(`node ${id} is not down and can't be removed`);
  }
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
