// Replicated services: as many slots as the spec says, one running task in each, updated as the spec says.
// Writes: creation and `desired_state` of the tasks of replicated services; `spec`, `previous_spec`, `spec_version`
// (rollback only) and `update_status` of replicated services. What to do is planned in plan-*.ts and update-run.ts.
import type { Clock, Instant, Logger, Random } from "@mswarm/runtime";
import { clusters, isChangeOf, nodes, type ReadTransaction, type Store, services, tasks } from "@mswarm/store";
import type { Service, Task } from "@mswarm/wire";
import {
  type ControlLoop,
  changesPerTransactionMax,
  nothing,
  type Outcome,
  runControlLoop,
} from "../loops/control-loop.ts";
import { modeOf } from "../objects/service-mode.ts";
import { rankOf } from "../objects/task-state.ts";
import { nodeKey, readKey, serviceKey, slotKeyOf, updateKey } from "./loop-keys.ts";
import type { TaskMaker } from "./new-task.ts";
import { fitnessChanged, type NodeLookup } from "./node-fitness.ts";
import { planReplicas, slotsOf } from "./plan-replicas.ts";
import { isLiveSlot, planSlot } from "./plan-slot.ts";
import { ServiceUpdates } from "./service-updates.ts";
import { DirtyTasks } from "./task-dirtiness.ts";
import type { UpdateView } from "./update-run.ts";

export interface OrchestratorParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Runs until `signal` aborts. Rejects when the store does. */
export function runReplicatedOrchestrator(parts: OrchestratorParts, signal: AbortSignal): Promise<void> {
  return runControlLoop(replicatedLoop(parts), parts, signal);
}

function replicatedLoop({ random }: OrchestratorParts): ControlLoop {
  const updates = new ServiceUpdates();
  const dirtyTasks = new DirtyTasks();

  const viewOf = (tx: ReadTransaction, service: Service): UpdateView => {
    const node: NodeLookup = (nodeId) => tx.get(nodes, nodeId);
    return {
      service,
      node,
      slot: (slotKey) => tx.by(tasks, "slot", `${service.id ?? ""}/${slotKey}`),
      task: (taskId) => tx.get(tasks, taskId),
      isDirty: (task) => dirtyTasks.has(service, task, node(task.nodeId ?? "")),
      placeOf: (slotKey) => ({ slot: Number(slotKey) }),
    };
  };

  const planService = (tx: ReadTransaction, service: Service, now: Instant): Outcome => {
    const view = viewOf(tx, service);
    const ofService = tx.by(tasks, "service", service.id ?? "");
    const changes = planReplicas(
      { service, tasks: ofService, node: view.node, changesMax: changesPerTransactionMax + 1 },
      now,
      makerOf(tx, random),
    );
    // The update is about the slots that remain: it is looked at when their number is right.
    if (changes.length > 0) return { changes, mark: [serviceKey(service.id ?? "")] };
    const slots = new Map([...slotsOf(ofService)].map(([slot, members]) => [String(slot), members]));
    return updates.planService(slots, view, now);
  };

  const planOneSlot = (tx: ReadTransaction, service: Service, slotKey: string, now: Instant): Outcome => {
    const view = viewOf(tx, service);
    const slot = view.slot(slotKey);
    const plan = planSlot(
      { service, place: view.placeOf(slotKey), tasks: slot, node: view.node, isDirty: view.isDirty },
      now,
      makerOf(tx, random),
    );
    const isLost = plan.changes.length === 0 && !isLiveSlot(slot) && !isBeingRemoved(slot);
    return { ...plan, mark: isLost ? [serviceKey(service.id ?? "")] : [] };
  };

  return {
    name: "orchestrator/replicated",
    tables: [services, tasks, nodes],
    changed: (change, mark) => {
      if (isChangeOf(change, tasks)) {
        const { id = "", serviceId = "", slot = "0" } = change.object;
        if (serviceId === "") return;
        mark(slotKeyOf(serviceId, slot));
        if (updates.taskChanged(serviceId, id)) mark(updateKey(serviceId));
      } else if (isChangeOf(change, services)) {
        mark(serviceKey(change.object.id ?? ""));
      } else if (isChangeOf(change, nodes)) {
        const { kind, object, previous } = change;
        if (kind === "remove" || fitnessChanged(previous, object)) mark(nodeKey(object.id ?? ""));
      }
    },
    everything: (tx, mark) => {
      for (const service of tx.all(services)) mark(serviceKey(service.id ?? ""));
      for (const task of tx.all(tasks)) {
        if ((task.serviceId ?? "") !== "") mark(slotKeyOf(task.serviceId ?? "", task.slot ?? "0"));
      }
    },
    plan: (tx, text, now) => {
      const key = readKey(text);
      if (key.kind === "node") {
        const onNode = tx.by(tasks, "node", key.nodeId).filter((task) => (task.serviceId ?? "") !== "");
        return { changes: [], mark: onNode.map((task) => slotKeyOf(task.serviceId ?? "", task.slot ?? "0")) };
      }
      const service = tx.get(services, key.serviceId);
      if (service === undefined || modeOf(service) !== "replicated") {
        updates.forget(key.serviceId);
        return nothing;
      }
      if (key.kind === "service") return planService(tx, service, now);
      if (key.kind === "update") return updates.planStep(viewOf(tx, service), now, makerOf(tx, random));
      return planOneSlot(tx, service, key.slotKey, now);
    },
  };
}

/** The slot was scaled away, and its tasks only have to stop. */
const isBeingRemoved = (slot: readonly Task[]): boolean =>
  slot.length > 0 && slot.every((task) => rankOf(task.desiredState) >= rankOf("REMOVE"));

/** What new tasks are made with; the cluster object is the one that there is. */
export function makerOf(tx: ReadTransaction, random: Random): TaskMaker {
  const [cluster] = tx.all(clusters);
  return { random, cluster };
}
