// How far a job is: which of its tasks have done their work. Source: docker/cli command/service/progress/progress.go.
import type { Node, Service, Task } from "@mswarm/wire";
import { type ServiceProgress, slotProgress, usableNodes } from "./progress-state.ts";
import { statusRank } from "./task-rank.ts";

/**
 * @param tasks  of any iteration
 * @param nodes  all nodes; tasks of a global job on nodes that are down do not count
 */
export function jobProgress(service: Service, tasks: readonly Task[], nodes: readonly Node[]): ServiceProgress {
  const iteration = service.jobStatus?.jobIteration?.index ?? "0";
  const current = tasks.filter((task) => (task.jobIteration?.index ?? "0") === iteration);
  const { replicatedJob } = service.spec ?? {};
  if (replicatedJob === undefined) return globalJobProgress(current, usableNodes(nodes));
  const total = Number(replicatedJob.totalCompletions ?? "0");
  const bySlot = newest(current, (task) => task.slot ?? "0");
  const done = countDone(bySlot);
  const slots = Array.from({ length: total }, (_, slot) =>
    slotProgress(`${slot + 1}/${total}`, bySlot.get(String(slot))),
  );
  const limit = Math.min(total - done, Number(replicatedJob.maxConcurrent ?? "0"));
  return { isConverged: done === total, done, total, active: { count: countActive(bySlot), limit }, slots };
}

function globalJobProgress(tasks: readonly Task[], nodes: ReadonlyMap<string, Node>): ServiceProgress {
  const onUsable = tasks.filter(({ nodeId = "" }) => nodes.has(nodeId));
  const byNode = newest(onUsable, (task) => task.nodeId ?? "");
  const [done, total] = [countDone(byNode), byNode.size];
  const slots = [...byNode].map(([nodeId, task]) =>
    slotProgress(nodes.get(nodeId)?.description?.hostname ?? nodeId.slice(0, 12), task),
  );
  const active = { count: countActive(byNode), limit: total - done };
  return { isConverged: total > 0 && done === total, done, total, active, slots };
}

/** The task that counts in each place: the one that may still do its work, and of those the one that is behind. */
function newest(tasks: readonly Task[], keyOf: (task: Task) => string): ReadonlyMap<string, Task> {
  const chosen = new Map<string, Task>();
  for (const task of tasks) {
    const other = chosen.get(keyOf(task));
    if (other === undefined || statusRank(task.status?.state) < statusRank(other.status?.state)) {
      chosen.set(keyOf(task), task);
    }
  }
  return chosen;
}

const countDone = (places: ReadonlyMap<string, Task>): number =>
  [...places.values()].filter((task) => task.status?.state === "COMPLETE").length;

const countActive = (places: ReadonlyMap<string, Task>): number =>
  [...places.values()].filter((task) => statusRank(task.status?.state) < statusRank("COMPLETE")).length;
