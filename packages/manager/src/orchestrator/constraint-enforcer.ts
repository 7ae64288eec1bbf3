// A node that changed may no longer be allowed to run what it runs: constraints, reservations, generic resources.
// Such a task is rejected; the orchestrator replaces it. Writes: status REJECTED of tasks on active nodes.
// Source: swarmkit manager/orchestrator/constraintenforcer; wire reference 7.8.
import { type Instant, wireTimestamp } from "@mswarm/runtime";
import { isChangeOf, nodes, type ReadTransaction, services, tasks } from "@mswarm/store";
import type { Node, Task } from "@mswarm/wire";
import { type ControlLoop, type LoopParts, nothing, runControlLoop } from "../loops/control-loop.ts";
import type { ObjectChange } from "../loops/object-change.ts";
import { nodeMatches, readConstraints } from "../objects/constraints.ts";
import { GenericResources } from "../objects/generic-resources.ts";
import { desiredOf, hasEnded, isActive, rankOf } from "../objects/task-state.ts";
import { byAge } from "../objects/task-time.ts";
import { sameSpec } from "./spec-equality.ts";

/** Runs until `signal` aborts. Rejects when the store does. */
export function runConstraintEnforcer(parts: LoopParts, signal: AbortSignal): Promise<void> {
  return runControlLoop(enforcerLoop, parts, signal);
}

// Keys are ids of nodes.
const enforcerLoop: ControlLoop = {
  name: "orchestrator/constraint-enforcer",
  tables: [nodes],
  changed: (change, mark) => {
    if (!isChangeOf(change, nodes) || change.kind === "remove") return;
    if (change.previous === undefined || mattersForPlacement(change.previous, change.object))
      mark(change.object.id ?? "");
  },
  everything: (tx, mark) => {
    for (const node of tx.all(nodes)) mark(node.id ?? "");
  },
  plan: (tx, nodeId, now) => {
    const node = tx.get(nodes, nodeId);
    if (node === undefined || (node.spec?.availability ?? "ACTIVE") !== "ACTIVE") return nothing;
    return { changes: misplacedTasks(node, tx).map((task) => rejected(task, now)) };
  },
};

/** What constraints and reservations can ask about. */
function mattersForPlacement(before: Node, now: Node): boolean {
  return (
    !sameSpec(before.spec, now.spec) ||
    !sameSpec(before.description, now.description) ||
    before.status?.addr !== now.status?.addr ||
    before.role !== now.role
  );
}

/** Tasks that may not stay. Older tasks keep what they reserve. */
function misplacedTasks(node: Node, tx: ReadTransaction): readonly Task[] {
  const resources = node.description?.resources;
  let nanoCpus = Number(resources?.nanoCpus ?? 0);
  let memoryBytes = Number(resources?.memoryBytes ?? 0);
  const generic = GenericResources.of(resources?.generic);
  const usedGeneric = GenericResources.of([]);
  return [...tx.by(tasks, "node", node.id ?? "")].sort(byAge).filter((task) => {
    if (rankOf(desiredOf(task)) < rankOf("ASSIGNED") || !isActive(task) || hasEnded(task)) return false;
    // The service's present constraints count: a task whose constraints alone changed was not replaced.
    const service = tx.get(services, task.serviceId ?? "");
    const placement = service === undefined ? task.spec?.placement : service.spec?.task?.placement;
    if (!nodeMatches(readConstraints(placement?.constraints), node)) return true;
    const reserved = task.spec?.resources?.reservations;
    if (Number(reserved?.nanoCpus ?? 0) > nanoCpus || Number(reserved?.memoryBytes ?? 0) > memoryBytes) return true;
    const assigned = task.assignedGenericResources ?? [];
    if (generic.claim(assigned, usedGeneric) === undefined) return true;
    nanoCpus -= Number(reserved?.nanoCpus ?? 0);
    memoryBytes -= Number(reserved?.memoryBytes ?? 0);
    for (const resource of assigned) usedGeneric.add(resource);
    return false;
  });
}

function rejected(task: Task, now: Instant): ObjectChange {
  const timestamp = wireTimestamp(now);
  const status = {
    ...task.status,
    state: "REJECTED",
    message: "task rejected by constraint enforcer",
    err: "assigned node no longer meets constraints",
    timestamp,
    appliedAt: timestamp,
  } as const;
  return { kind: "update-task", task: { ...task, status } };
}
