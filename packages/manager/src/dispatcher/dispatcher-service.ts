// The Dispatcher service as it is bound to the wire. Leader only: bind it with `forward`.
import { type PolicyTable, roles, type ServiceOf } from "@mswarm/rpc";
import { unimplemented } from "@mswarm/runtime";
import type { Handlers } from "@mswarm/wire";
import type { Dispatcher } from "./dispatcher.ts";

type DispatcherHandlers = Handlers["docker.swarmkit.v1.Dispatcher"];

export const dispatcherPolicy: PolicyTable<DispatcherHandlers> = {
  Session: roles("swarm-worker", "swarm-manager"),
  Heartbeat: roles("swarm-worker", "swarm-manager"),
  UpdateTaskStatus: roles("swarm-worker", "swarm-manager"),
  UpdateVolumeStatus: roles("swarm-worker", "swarm-manager"),
  Tasks: roles("swarm-worker", "swarm-manager"),
  Assignments: roles("swarm-worker", "swarm-manager"),
};

export function dispatcherService(dispatcher: Dispatcher): ServiceOf<DispatcherHandlers> {
  return {
    Session: (request, call) => dispatcher.session(request, call),
    Heartbeat: (request, call) => dispatcher.heartbeat(request, call),
    UpdateTaskStatus: (request, call) => dispatcher.updateTaskStatus(request, call),
    UpdateVolumeStatus: () => Promise.reject(unimplemented("cluster volumes are not supported")),
    Tasks: (request, call) => dispatcher.taskLists(request, call),
    Assignments: (request, call) => dispatcher.assignments(request, call),
  };
}
