// Who may make a call, and for whom it counts. Source of rule and texts: wire reference 1.3; swarmkit ca/auth.go.
import { permissionDenied, type SwarmError, unavailable } from "@mswarm/runtime";
import type { Caller, CertificateRole, NodeIdentity } from "./call.ts";
import type { ForwardedClaims } from "./metadata.ts";
import type { Policy } from "./policy.ts";

/** The other end of a connection, established before its first byte was read. */
export interface ConnectionPeer {
  /** From the verified certificate; undefined when none was presented. */
  readonly identity: NodeIdentity | undefined;
  /** `ip:port`; empty on the control socket. */
  readonly remoteAddress: string;
  readonly isLocal: boolean;
}

/** What the cluster says about nodes now; asked anew for each call. */
export interface ClusterView {
  clusterId(): string;
  isRemoved(nodeId: string): boolean;
  isRaftMember(nodeId: string): boolean;
  /** True for a node that the cluster records as a worker: a manager's certificate outlives a demotion. */
  isDemoted(nodeId: string): boolean;
}

const wasRemoved = (nodeId: string): string => `Permission denied: node ${nodeId} was removed from swarm`;
// How Go prints a status inside another status.
const nested = (text: string): string => `rpc error: code = PermissionDenied desc = ${text}`;
const goList = (values: readonly string[]): string => `[${values.join(" ")}]`;

/** The identity with no more rights than the cluster's record grants. */
export function recorded(identity: NodeIdentity | undefined, cluster: ClusterView): NodeIdentity | undefined {
  const isManager = identity?.role === "swarm-manager";
  return isManager && cluster.isDemoted(identity.nodeId) ? { ...identity, role: "swarm-worker" } : identity;
}

/** Why `identity` is not one of `roles` of this cluster; undefined when it is. */
function objection(
  identity: NodeIdentity | undefined,
  roles: readonly CertificateRole[],
  cluster: ClusterView,
): string | undefined {
  if (identity === undefined) return "no client certificates in request";
  if (!roles.includes(identity.role)) {
    return `Permission denied: remote certificate not part of OUs: ${goList(roles)}`;
  }
  if (cluster.isRemoved(identity.nodeId)) return wasRemoved(identity.nodeId);
  const clusterId = cluster.clusterId();
  if (clusterId === "" || identity.clusterId !== clusterId) {
    return `Permission denied: remote certificate not part of organization: ${clusterId}`;
  }
  return undefined;
}

const isRole = (text: string): text is CertificateRole => text === "swarm-manager" || text === "swarm-worker";

/** The origin that a manager names; undefined for an origin without a certificate. */
function forwardedIdentity(claims: ForwardedClaims): NodeIdentity | undefined {
  const { nodeId, clusterId, roles } = claims;
  if (nodeId === "" && clusterId === "" && roles.length === 0) return undefined;
  const known = roles.filter(isRole);
  // With both roles named, the lesser one counts.
  const role = known.includes("swarm-worker") ? "swarm-worker" : known[0];
  if (claims.forwarded[0] !== "true" || nodeId === "" || clusterId === "" || role === undefined) {
    throw permissionDenied("Permission denied: missing information in forwarded request");
  }
  return { nodeId, clusterId, role };
}

function forwardedCaller(
  forwarder: NodeIdentity | undefined,
  peer: ConnectionPeer,
  claims: ForwardedClaims,
  policy: Policy,
  cluster: ClusterView,
): Caller {
  const refused = objection(recorded(forwarder, cluster), ["swarm-manager"], cluster);
  if (refused !== undefined) {
    throw permissionDenied(`Permission denied: unauthorized forwarder role: ${nested(refused)}`);
  }
  if (claims.forwarded.length !== 1 || claims.forwarded[0] !== "true") {
    throw permissionDenied("Permission denied: missing information in forwarded request");
  }
  const identity = recorded(forwardedIdentity(claims), cluster);
  if (policy.kind === "roles") {
    if (identity === undefined) throw permissionDenied("Permission denied: missing information in forwarded request");
    if (!policy.roles.includes(identity.role)) {
      throw permissionDenied(`Permission denied: unauthorized forwarded role, expecting: ${goList(policy.roles)}`);
    }
  }
  if (identity !== undefined) {
    // SwarmKit looks at the forwarder only; here a removed node is refused as origin too (DESIGN 7, rule 2).
    if (cluster.isRemoved(identity.nodeId)) throw permissionDenied(wasRemoved(identity.nodeId));
    if (identity.clusterId !== cluster.clusterId()) {
      throw permissionDenied(`Permission denied: organization mismatch, expecting: ${cluster.clusterId()}`);
    }
    // Two managers that disagree about the leader must not turn a call into one of the manager between them.
    if (cluster.isRaftMember(identity.nodeId)) throw forwardedMember(identity.nodeId);
  }
  return { identity, remoteAddress: claims.remoteAddress || peer.remoteAddress, forwarder, isLocal: false };
}

function forwardedMember(nodeId: string): SwarmError {
  return unavailable(`node ${nodeId} is a manager: its calls are not taken from another manager, ask the leader`);
}

function directCaller(peer: ConnectionPeer, policy: Policy, cluster: ClusterView): Caller {
  const { remoteAddress } = peer;
  const isCertified = policy.kind === "roles" && policy.by === "certificate";
  const identity = isCertified ? peer.identity : recorded(peer.identity, cluster);
  if (policy.kind === "roles") {
    const refused = objection(identity, policy.roles, cluster);
    if (refused !== undefined) {
      throw permissionDenied(`Permission denied: unauthorized peer role: ${nested(refused)}`);
    }
  } else if (identity !== undefined && cluster.isRemoved(identity.nodeId)) {
    throw permissionDenied(wasRemoved(identity.nodeId));
  }
  // Where anyone may call, a certificate of another cluster is worth as much as none.
  const counts = identity !== undefined && identity.clusterId === cluster.clusterId() && identity.clusterId !== "";
  return { identity: counts ? identity : undefined, remoteAddress, forwarder: undefined, isLocal: false };
}

/**
 * Decides about one call from the verified peer of its connection and the method's policy.
 * Rejects with PERMISSION_DENIED, or UNAVAILABLE for a forwarded call of a current Raft member.
 */
export function authorize(peer: ConnectionPeer, claims: ForwardedClaims, policy: Policy, cluster: ClusterView): Caller {
  if (peer.isLocal) return { identity: undefined, remoteAddress: "", forwarder: undefined, isLocal: true };
  if (policy.kind === "local-only") {
    throw permissionDenied("Permission denied: this method is served on the local control socket only");
  }
  return claims.forwarded.length > 0
    ? forwardedCaller(peer.identity, peer, claims, policy, cluster)
    : directCaller(peer, policy, cluster);
}

/** The person a manager speaks for; anybody else's word does not count. */
export function vouchedUser(peer: ConnectionPeer, claims: ForwardedClaims, cluster: ClusterView): string | undefined {
  if (claims.user === undefined || peer.isLocal) return undefined;
  const identity = recorded(peer.identity, cluster);
  return objection(identity, ["swarm-manager"], cluster) === undefined ? claims.user : undefined;
}
