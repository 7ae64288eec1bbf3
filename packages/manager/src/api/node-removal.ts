// What removing a node means for everything that knows it. Source: swarmkit manager/controlapi/node.go, RemoveNode.

import { failedPrecondition } from "@mswarm/runtime";
import { nodes } from "@mswarm/store";
import type { Node, RemoveNodeRequest, RemoveNodeResponse } from "@mswarm/wire";
import { forgetNode } from "../objects/forgotten-nodes.ts";
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
    forgetNode(tx, node, clock.now());
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
