// When a service is gone, its tasks go too: their desired state becomes REMOVE, agents stop them, the reaper deletes
// them. Writes: `desired_state` REMOVE of the tasks of removed services, of every mode.
import { isChangeOf, services, tasks } from "@mswarm/store";
import {
  type ControlLoop,
  changesPerTransactionMax,
  type LoopParts,
  nothing,
  runControlLoop,
} from "../loops/control-loop.ts";
import { wish } from "../loops/object-change.ts";

/** Runs until `signal` aborts. Rejects when the store does. */
export function runServiceRemoval(parts: LoopParts, signal: AbortSignal): Promise<void> {
  return runControlLoop(removalLoop, parts, signal);
}

// Keys are ids of services.
const removalLoop: ControlLoop = {
  name: "orchestrator/removed-services",
  tables: [services, tasks],
  changed: (change, mark) => {
    if (isChangeOf(change, services) && change.kind === "remove") mark(change.object.id ?? "");
    // A task can be created in the very moment in which its service is removed.
    if (isChangeOf(change, tasks) && change.kind === "create") mark(change.object.serviceId ?? "");
  },
  everything: (tx, mark) => {
    for (const task of tx.all(tasks)) mark(task.serviceId ?? "");
  },
  plan: (tx, serviceId) => {
    // Tasks without a service are attachments of plain containers to networks.
    if (serviceId === "" || tx.get(services, serviceId) !== undefined) return nothing;
    const changes = tx.by(tasks, "service", serviceId).flatMap((task) => wish(task, "REMOVE"));
    return { changes: changes.slice(0, changesPerTransactionMax + 1) };
  },
};
