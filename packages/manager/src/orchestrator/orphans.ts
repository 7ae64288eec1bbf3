// Tasks on nodes that nobody will hear of again: removed nodes, and nodes that have been down for a day. They become
// ORPHANED, so that what they hold is free and the reaper can delete them. Writes: status ORPHANED.
// Source: swarmkit manager/dispatcher/dispatcher.go, moveTasksToOrphaned; wire reference 6.6, 9.5.
import { after, type Duration, hours, type Instant, timestampOf, wireTimestamp } from "@mswarm/runtime";
import { isChangeOf, nodes, tasks } from "@mswarm/store";
import type { Node, Task } from "@mswarm/wire";
import { type ControlLoop, type LoopParts, nothing, runControlLoop } from "../loops/control-loop.ts";
import type { ObjectChange } from "../loops/object-change.ts";
import { occupiesNode } from "../objects/task-state.ts";

/** How long a node may be down before its tasks are given up. Source: swarmkit dispatcher.go, defaultNodeDownPeriod. */
const nodeDownPeriod: Duration = hours(24);

/** Runs until `signal` aborts. Rejects when the store does. */
export function runOrphanKeeper(parts: LoopParts, signal: AbortSignal): Promise<void> {
  return runControlLoop(orphanLoop, parts, signal);
}

// Keys are ids of nodes.
const orphanLoop: ControlLoop = {
  name: "orchestrator/orphans",
  tables: [nodes],
  changed: (change, mark) => {
    if (isChangeOf(change, nodes)) mark(change.object.id ?? "");
  },
  everything: (tx, mark) => {
    for (const node of tx.all(nodes)) mark(node.id ?? "");
    for (const task of tx.all(tasks)) if (occupiesNode(task)) mark(task.nodeId ?? "");
  },
  plan: (tx, nodeId, now) => {
    const node = tx.get(nodes, nodeId);
    const givenUpAt = node === undefined ? now : downUntil(node);
    if (givenUpAt === undefined) return nothing;
    if (givenUpAt > now) return { changes: [], lookAgainAt: givenUpAt };
    const lost = tx.by(tasks, "node", nodeId).filter(occupiesNode);
    const message =
      node === undefined
        ? "Task belonged to a node that has been deleted"
        : "Task belonged to a node that has been down for too long";
    return { changes: lost.map((task) => orphaned(task, message, now)) };
  },
};

/**
 * When the tasks of a node that is down are given up; undefined for any other node. The last change of the object
 * stands for the moment in which it went down: a later change of it (a new label) begins the day again.
 */
function downUntil(node: Node): Instant | undefined {
  if (node.status?.state !== "DOWN") return undefined;
  const since = timestampOf(node.meta?.updatedAt);
  return since === undefined ? undefined : after(since, nodeDownPeriod);
}

function orphaned(task: Task, message: string, now: Instant): ObjectChange {
  const timestamp = wireTimestamp(now);
  const status = { ...task.status, state: "ORPHANED", message, timestamp, appliedAt: timestamp } as const;
  return { kind: "update-task", task: { ...task, status } };
}
