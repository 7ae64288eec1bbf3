// The RaftMembership service as it is bound to the wire. Leader only: bind it with `forward`; not on the control socket.
import { type PolicyTable, roles, type ServiceOf } from "@mswarm/rpc";
import type { Handlers } from "@mswarm/wire";
import type { Membership } from "./join.ts";

type RaftMembershipHandlers = Handlers["docker.swarmkit.v1.RaftMembership"];

export const raftMembershipPolicy: PolicyTable<RaftMembershipHandlers> = {
  Join: roles("swarm-manager"),
  Leave: roles("swarm-manager"),
};

export function raftMembershipService(membership: Membership): ServiceOf<RaftMembershipHandlers> {
  return {
    Join: (request, call) => membership.join(request, call),
    Leave: (request) => membership.leave(request),
  };
}
