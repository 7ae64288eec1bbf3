// The LogBroker service as it is bound to the wire. Leader only: bind it with `forward`.
import { type PolicyTable, roles, type ServiceOf } from "@mswarm/rpc";
import type { Handlers } from "@mswarm/wire";
import type { LogBroker } from "./log-broker.ts";

type LogBrokerHandlers = Handlers["docker.swarmkit.v1.LogBroker"];

export const logBrokerPolicy: PolicyTable<LogBrokerHandlers> = {
  ListenSubscriptions: roles("swarm-worker", "swarm-manager"),
  PublishLogs: roles("swarm-worker", "swarm-manager"),
};

export function logBrokerService(broker: LogBroker): ServiceOf<LogBrokerHandlers> {
  return {
    ListenSubscriptions: (_request, call) => broker.listen(call),
    PublishLogs: (requests, call) => broker.publish(requests, call),
  };
}
