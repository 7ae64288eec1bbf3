// Global services: one running task on every node that may have one, updated as the spec says.
// Writes: creation and `desired_state` of the tasks of global services, their removal when their node is gone; `spec`,
// `previous_spec`, `spec_version` (rollback only) and `update_status` of global services.
import type { Instant } from "@mswarm/runtime";
import { isChangeOf, nodes, type ReadTransaction, services, tasks } from "@mswarm/store";
import type { Node, Service, Task } from "@mswarm/wire";
import { type ControlLoop, nothing, type Outcome, runControlLoop } from "../loops/control-loop.ts";
import { modeOf } from "../objects/service-mode.ts";
import { isWanted } from "../objects/task-state.ts";
import { nodeKey, readKey, serviceKey, slotKeyOf, updateKey } from "./loop-keys.ts";
import type { NodeLookup } from "./node-fitness.ts";
import { globalPlacement, planGlobalPlace } from "./plan-global.ts";
import { planSlot } from "./plan-slot.ts";
import { makerOf, type OrchestratorParts } from "./replicated.ts";
import { ServiceUpdates } from "./service-updates.ts";
import { sameSpec } from "./spec-equality.ts";
import { DirtyTasks } from "./task-dirtiness.ts";
import type { UpdateView } from "./update-run.ts";
import { isPaused } from "./update-status.ts";

/** Runs until `signal` aborts. Rejects when the store does. */
export function runGlobalOrchestrator(parts: OrchestratorParts, signal: AbortSignal): Promise<void> {
  return runControlLoop(globalLoop(parts), parts, signal);
}

// The slot of a key is the id of a node here.
function globalLoop({ random }: OrchestratorParts): ControlLoop {
  const updates = new ServiceUpdates();
  const dirtyTasks = new DirtyTasks();

  // Tasks on a paused node are not updated: an update does not see them.
  const viewOf = (tx: ReadTransaction, service: Service): UpdateView => {
    const node: NodeLookup = (nodeId) => tx.get(nodes, nodeId);
    return {
      service,
      node,
      slot: (nodeId) => (globalPlacement(service, node(nodeId)) === "run" ? tasksAt(tx, service, nodeId) : []),
      task: (taskId) => tx.get(tasks, taskId),
      isDirty: (task) => dirtyTasks.has(service, task, node(task.nodeId ?? "")),
      placeOf: (nodeId) => ({ nodeId }),
    };
  };

  const planService = (tx: ReadTransaction, service: Service, now: Instant): Outcome => {
    const serviceId = service.id ?? "";
    const known = tx.by(tasks, "service", serviceId).map((task) => task.nodeId ?? "");
    const nodeIds = new Set([...known, ...[...tx.all(nodes)].map((node) => node.id ?? "")]);
    const view = viewOf(tx, service);
    const updatable = new Map<string, readonly Task[]>();
    for (const nodeId of nodeIds) {
      if (globalPlacement(service, view.node(nodeId)) === "run") updatable.set(nodeId, view.slot(nodeId));
    }
    const outcome = updates.planService(updatable, view, now);
    return {
      ...outcome,
      mark: [...(outcome.mark ?? []), ...[...nodeIds].map((nodeId) => slotKeyOf(serviceId, nodeId))],
    };
  };

  const planPlace = (tx: ReadTransaction, service: Service, nodeId: string, now: Instant): Outcome => {
    const view = viewOf(tx, service);
    const slot = tasksAt(tx, service, nodeId);
    const maker = makerOf(tx, random);
    const changes = planGlobalPlace({ service, nodeId, node: view.node(nodeId), tasks: slot }, now, maker);
    if (changes.length > 0 || globalPlacement(service, view.node(nodeId)) !== "run") return { changes };
    const plan = planSlot({ ...view, place: { nodeId }, tasks: slot }, now, maker);
    // A node that was paused during an update is brought up to date now.
    const isLate =
      !updates.isRunning(service.id ?? "") && !isPaused(service) && slot.filter(isWanted).some(view.isDirty);
    return { ...plan, mark: isLate ? [serviceKey(service.id ?? "")] : [] };
  };

  return {
    name: "orchestrator/global",
    tables: [services, tasks, nodes],
    changed: (change, mark) => {
      if (isChangeOf(change, tasks)) {
        const { id = "", serviceId = "", nodeId = "" } = change.object;
        if (serviceId === "" || nodeId === "") return;
        mark(slotKeyOf(serviceId, nodeId));
        if (updates.taskChanged(serviceId, id)) mark(updateKey(serviceId));
      } else if (isChangeOf(change, services)) {
        mark(serviceKey(change.object.id ?? ""));
      } else if (isChangeOf(change, nodes) && mattersForGlobal(change.previous, change.object)) {
        mark(nodeKey(change.object.id ?? ""));
      }
    },
    everything: (tx, mark) => {
      for (const service of tx.all(services)) if (modeOf(service) === "global") mark(serviceKey(service.id ?? ""));
    },
    plan: (tx, text, now) => {
      const key = readKey(text);
      if (key.kind === "node") {
        const all = [...tx.all(services)].filter((service) => modeOf(service) === "global");
        return { changes: [], mark: all.map((service) => slotKeyOf(service.id ?? "", key.nodeId)) };
      }
      const service = tx.get(services, key.serviceId);
      if (service === undefined || modeOf(service) !== "global") {
        updates.forget(key.serviceId);
        return nothing;
      }
      if (key.kind === "service") return planService(tx, service, now);
      if (key.kind === "update") return updates.planStep(viewOf(tx, service), now, makerOf(tx, random));
      return planPlace(tx, service, key.slotKey, now);
    },
  };
}

const tasksAt = (tx: ReadTransaction, service: Service, nodeId: string): readonly Task[] =>
  tx.by(tasks, "node-slot", `${service.id ?? ""}/${nodeId}`);

/** Everything that constraints, availability and status can say about a node; for a removed one, everything. */
export function mattersForGlobal(before: Node | undefined, now: Node): boolean {
  return (
    before === undefined ||
    before === now ||
    before.status?.state !== now.status?.state ||
    before.status?.addr !== now.status?.addr ||
    before.role !== now.role ||
    !sameSpec(before.spec, now.spec) ||
    !sameSpec(before.description, now.description)
  );
}
