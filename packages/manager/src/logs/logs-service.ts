// The Logs service as it is bound to the wire. Runs on the leader; control sockets have `lastingLogs` (wire 1.2).
import { type PolicyTable, roles, type ServiceOf } from "@mswarm/rpc";
import type { Handlers } from "@mswarm/wire";
import type { LogBroker } from "./log-broker.ts";

type LogsHandlers = Handlers["docker.swarmkit.v1.Logs"];

export const logsPolicy: PolicyTable<LogsHandlers> = {
  SubscribeLogs: roles("swarm-manager"),
};

export function logsService(broker: LogBroker): ServiceOf<LogsHandlers> {
  return { SubscribeLogs: (request, call) => broker.subscribe(request, call) };
}
