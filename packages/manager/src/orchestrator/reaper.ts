// Deletes tasks: those that were told to go and have stopped, history beyond the retention limit, and orphans of
// services that are gone. Writes: removal of tasks; nobody else removes them.
// Source: swarmkit manager/orchestrator/taskreaper; wire reference 7.11.
import { type Duration, milliseconds } from "@mswarm/runtime";
import { clusters, isChangeOf, type ReadTransaction, services, tasks } from "@mswarm/store";
import type { Cluster, Task } from "@mswarm/wire";
import {
  type ControlLoop,
  changesPerTransactionMax,
  type LoopParts,
  nothing,
  runControlLoop,
} from "../loops/control-loop.ts";
import { modeOf } from "../objects/service-mode.ts";
import { stateOf } from "../objects/task-state.ts";
import { isRemovable, planJobReaping, planReaping } from "./plan-reaping.ts";

/** Runs until `signal` aborts. Rejects when the store does. */
export function runTaskReaper(parts: LoopParts, signal: AbortSignal): Promise<void> {
  return runControlLoop(reaperLoop, parts, signal);
}

/** Changes are collected for this long, so that a burst costs few log entries. Source: wire reference 9.1. */
const batchingInterval: Duration = milliseconds(250);
/** With this many keys waiting, the interval ends early. */
const batchSizeMax = 1_000;

// Keys are ids of tasks, and this one.
const allTasks = "*";

const reaperLoop: ControlLoop = {
  name: "orchestrator/reaper",
  tables: [tasks, clusters],
  collects: { interval: batchingInterval, keysMax: batchSizeMax },
  changed: (change, mark) => {
    if (isChangeOf(change, tasks) && change.kind !== "remove") mark(change.object.id ?? "");
    if (isChangeOf(change, clusters) && limitOf(change.object) !== limitOf(change.previous)) mark(allTasks);
  },
  everything: (_tx, mark) => mark(allTasks),
  plan: (tx, key) => {
    if (key === allTasks) return { changes: [], mark: [...tx.all(tasks)].map((task) => task.id ?? "") };
    const task = tx.get(tasks, key);
    if (task === undefined) return nothing;
    const reaped = reapable(task, tx).slice(0, changesPerTransactionMax + 1);
    return { changes: reaped.map((each) => ({ kind: "remove-task", task: each })) };
  },
};

/** The task itself when it has to go, else the history of the slot or node that it belongs to. */
function reapable(task: Task, tx: ReadTransaction): readonly Task[] {
  if (isRemovable(task)) return [task];
  const service = tx.get(services, task.serviceId ?? "");
  if (service === undefined) return stateOf(task) === "ORPHANED" ? [task] : [];
  const [cluster] = tx.all(clusters);
  const limit = limitOf(cluster);
  switch (modeOf(service)) {
    case "replicated":
      return planReaping(service, tx.by(tasks, "slot", `${service.id}/${task.slot ?? "0"}`), limit);
    case "global":
      return planReaping(service, tx.by(tasks, "node-slot", `${service.id}/${task.nodeId ?? ""}`), limit);
    case "replicated-job":
      return planJobReaping(service, tx.by(tasks, "slot", `${service.id}/${task.slot ?? "0"}`), limit);
    case "global-job":
      return planJobReaping(service, tx.by(tasks, "node-slot", `${service.id}/${task.nodeId ?? ""}`), limit);
    default:
      return [];
  }
}

/** Absent in a cluster object means 0; without a cluster there is nothing to go by, and everything is kept. */
const limitOf = (cluster: Cluster | undefined): number =>
  cluster === undefined ? -1 : Number(cluster.spec?.orchestration?.taskHistoryRetentionLimit ?? 0);
