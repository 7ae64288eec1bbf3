// Gives networks, services and tasks what they need before tasks can be placed, and lets tasks pass from NEW to
// PENDING. Every task passes here, also one that needs nothing.
// Writes: `driver_state` of networks, `endpoint` of services, `endpoint` and `networks` of tasks, status PENDING.
import type { Clock, Logger } from "@mswarm/runtime";
import { isChangeOf, networks, type ReadTransaction, type Store, services, tasks } from "@mswarm/store";
import { type ControlLoop, nothing, type Outcome, runControlLoop } from "../loops/control-loop.ts";
import { isActive, stateOf } from "../objects/task-state.ts";
import { allocatedEndpoint, serviceEndpoint } from "./endpoints.ts";
import { allocatedNetwork, attachmentsOf } from "./networks.ts";
import { pendingTask, refusedTask } from "./tasks.ts";

export interface AllocatorParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Runs until `signal` aborts. Rejects when the store does. */
export function runAllocator(parts: AllocatorParts, signal: AbortSignal): Promise<void> {
  return runControlLoop(allocatorLoop, parts, signal);
}

const taskKey = (id: string | undefined): string => `task/${id ?? ""}`;
const serviceKey = (id: string | undefined): string => `service/${id ?? ""}`;
const networkKey = (id: string | undefined): string => `network/${id ?? ""}`;

const allocatorLoop: ControlLoop = {
  name: "allocator",
  tables: [networks, services, tasks],
  changed: (change, mark) => {
    if (isChangeOf(change, tasks)) {
      if (change.kind !== "remove" && stateOf(change.object) === "NEW") mark(taskKey(change.object.id));
    } else if (change.kind === "remove") {
      return;
    } else if (isChangeOf(change, services)) {
      mark(serviceKey(change.object.id));
    } else if (isChangeOf(change, networks)) {
      mark(networkKey(change.object.id));
    }
  },
  everything: (tx, mark) => {
    for (const network of tx.all(networks)) mark(networkKey(network.id));
    for (const service of tx.all(services)) mark(serviceKey(service.id));
    for (const task of tx.by(tasks, "state", "NEW")) mark(taskKey(task.id));
  },
  plan: (tx, key, now) => {
    const [kind, id = ""] = key.split("/");
    if (kind === "network") return planNetwork(tx, id);
    if (kind === "service") return planService(tx, id);
    const task = tx.get(tasks, id);
    if (task === undefined || stateOf(task) !== "NEW" || !isActive(task)) return nothing;
    const { endpoint, refusal } = allocatedEndpoint(task.endpoint?.spec);
    if (refusal !== undefined) return { changes: refusedTask(task, refusal, now) };
    const networking = attachmentsOf(task, tx);
    if (networking.refusal !== undefined) return { changes: refusedTask(task, networking.refusal, now) };
    return { changes: [pendingTask(task, endpoint, networking.attachments, now)] };
  },
};

/** A network that has just become usable may be what some tasks waited for. */
function planNetwork(tx: ReadTransaction, id: string): Outcome {
  const network = tx.get(networks, id);
  if (network === undefined) return nothing;
  const allocated = allocatedNetwork(network);
  const waiting = tx.by(tasks, "network", id).filter((task) => stateOf(task) === "NEW");
  return {
    changes: allocated === network || allocated === undefined ? [] : [{ kind: "update-network", network: allocated }],
    mark: waiting.map((task) => taskKey(task.id)),
  };
}

function planService(tx: ReadTransaction, id: string): Outcome {
  const service = tx.get(services, id);
  if (service === undefined) return nothing;
  const endpoint = serviceEndpoint(service, tx);
  return endpoint === undefined
    ? nothing
    : { changes: [{ kind: "update-service", service: { ...service, endpoint } }] };
}
