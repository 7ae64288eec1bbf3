// Nodes and their roles. Source: swarmkit manager/controlapi/node.go; wire reference 9.5.
import { failedPrecondition, notFound } from "@mswarm/runtime";
import { nodes, type ReadTransaction } from "@mswarm/store";
import type {
  GetNodeRequest,
  GetNodeResponse,
  ListNodesRequest,
  ListNodesResponse,
  ManagerStatus,
  Node,
  NodeSpec,
  UpdateNodeRequest,
  UpdateNodeResponse,
} from "@mswarm/wire";
import { validateNodeSpec } from "../objects/node-spec.ts";
import type { ControlOperation, ControlParts, MembershipView } from "./control-parts.ts";
import { hasLabels, hasPrefix, isAmong } from "./filters.ts";
import { asRead, existing, incomplete, listed } from "./stored.ts";

/** Errors: INVALID_ARGUMENT, NOT_FOUND. */
export const getNode: ControlOperation<GetNodeRequest, GetNodeResponse> = async (
  { store, membership },
  { nodeId = "" },
) => {
  if (nodeId === "") throw incomplete();
  return {
    node: withManagerStatus(
      store.view((tx) => existing(tx, nodes, nodeId)),
      membership,
    ),
  };
};

export const listNodes: ControlOperation<ListNodesRequest, ListNodesResponse> = async (
  { store, membership },
  { filters },
) => {
  const chosen = listed(store, nodes, ({ id = "", role = "WORKER", spec, description }) => {
    if (filters === undefined) return true;
    const { names = [], namePrefixes = [] } = filters;
    const hostname = description?.hostname ?? "";
    return (
      (description !== undefined || names.length + namePrefixes.length === 0) &&
      isAmong(hostname, names) &&
      hasPrefix(hostname, namePrefixes) &&
      hasPrefix(id, filters.idPrefixes) &&
      hasLabels(description?.engine?.labels, filters.labels) &&
      hasLabels(spec?.annotations?.labels, filters.nodeLabels) &&
      isAmong(role, filters.roles) &&
      isAmong(spec?.membership ?? "PENDING", filters.memberships)
    );
  });
  return { nodes: chosen.map((node) => withManagerStatus(node, membership)) };
};

/** What the members know about a node; never stored, and a stored one (of an old Docker manager) is not believed. */
export function withManagerStatus(node: Node, membership: MembershipView): Node {
  const { managerStatus: _stored, ...rest } = node;
  const member = membership.members().find((each) => each.nodeId === node.id);
  if (member === undefined) return rest;
  const managerStatus: ManagerStatus = {
    raftId: member.raftId,
    addr: member.address,
    leader: membership.leaderRaftId() === member.raftId,
    reachability: membership.reachability(member.raftId),
  };
  return { ...rest, managerStatus };
}

/** Errors: INVALID_ARGUMENT, NOT_FOUND, FAILED_PRECONDITION for a change of role, UNKNOWN for a stale version. */
export const updateNode: ControlOperation<UpdateNodeRequest, UpdateNodeResponse> = async (
  parts,
  { nodeId = "", nodeVersion, spec },
) => {
  if (nodeId === "" || nodeVersion === undefined) throw incomplete();
  validateNodeSpec(spec);
  const node = await parts.store.update((tx) => {
    const stored = existing(tx, nodes, nodeId);
    requireRoleChange(tx, stored, spec, parts);
    return tx.update(nodes, asRead({ ...stored, spec }, nodeVersion));
  });
  return { node: withManagerStatus(node, parts.membership) };
};

function requireRoleChange(tx: ReadTransaction, node: Node, spec: NodeSpec, parts: ControlParts): void {
  const isManager = node.spec?.desiredRole === "MANAGER";
  const becomesManager = spec.desiredRole === "MANAGER";
  if (isManager && !becomesManager) requireDemotable(tx, node, parts.membership);
  // Differs: a Raft log common to both kinds of manager is not offered yet (DESIGN 5).
  if (!isManager && becomesManager && !parts.isMswarmNode(node)) {
    throw failedPrecondition(
      `node ${node.id ?? ""} cannot become a manager: it does not run mswarm, and a manager quorum shared with Docker Engine is not supported yet`,
    );
  }
}

function requireDemotable(tx: ReadTransaction, node: Node, membership: MembershipView): void {
  const managers = tx.by(nodes, "role", "MANAGER");
  if (managers.length === 1 && managers[0]?.id === node.id) {
    throw failedPrecondition("attempting to demote the last manager of the swarm");
  }
  const member = membership.members().find((each) => each.nodeId === node.id);
  if (member === undefined) throw notFound("can't find manager in raft memberlist");
  if (!membership.canRemove(member.raftId)) {
    throw failedPrecondition("can't remove member from the raft: this would result in a loss of quorum");
  }
}
