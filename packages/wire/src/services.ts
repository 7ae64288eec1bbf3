// The services of the wire, with their generated handler types. `rpc` derives async handlers and clients from them.
import type * as mswarm from "./generated/mswarm.ts";
import type * as swarmkit from "./generated/swarmkit.ts";
import { serviceNames as allServiceNames, type Definition, serviceDefinition } from "./schema.ts";

/** Generated handler types by service name; the key is the full name on the wire. */
export interface Handlers {
  "docker.swarmkit.v1.CA": swarmkit.CAHandlers;
  "docker.swarmkit.v1.NodeCA": swarmkit.NodeCAHandlers;
  "docker.swarmkit.v1.Raft": swarmkit.RaftHandlers;
  "docker.swarmkit.v1.RaftMembership": swarmkit.RaftMembershipHandlers;
  "docker.swarmkit.v1.Dispatcher": swarmkit.DispatcherHandlers;
  "docker.swarmkit.v1.Health": swarmkit.HealthHandlers;
  "docker.swarmkit.v1.ResourceAllocator": swarmkit.ResourceAllocatorHandlers;
  "docker.swarmkit.v1.Logs": swarmkit.LogsHandlers;
  "docker.swarmkit.v1.LogBroker": swarmkit.LogBrokerHandlers;
  "docker.swarmkit.v1.Watch": swarmkit.WatchHandlers;
  "docker.swarmkit.v1.Control": swarmkit.ControlHandlers;
  "mswarm.v1.Daemon": mswarm.DaemonHandlers;
  "mswarm.v1.Operations": mswarm.OperationsHandlers;
  "mswarm.v1.Peer": mswarm.PeerHandlers;
  "mswarm.v1.RaftTransport": mswarm.RaftTransportHandlers;
}

export type ServiceName = keyof Handlers;

/** All services there are. */
export const serviceNames: readonly ServiceName[] = allServiceNames as readonly ServiceName[];

/** The loaded definition of a service: paths, kinds of its methods and their codecs. */
export function serviceOf(name: ServiceName): Definition {
  return serviceDefinition(name);
}
