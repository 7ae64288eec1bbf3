// How far a service is from what was asked of it. Pure. Source: docker/cli command/service/progress/progress.go.

import type { Node, Service, Task } from "@mswarm/wire";
import { statusRank } from "./task-rank.ts";

export interface ServiceProgress {
  readonly isConverged: boolean;
  readonly done: number;
  readonly total: number;
  /** Of a job: tasks at work now, and how many may be. */
  readonly active?: { readonly count: number; readonly limit: number };
  /** One per slot or node, in order: what to show behind `1/3:`. */
  readonly slots: readonly SlotProgress[];
}

export interface SlotProgress {
  /** `1/3`, or the node's name for a global service. */
  readonly label: string;
  /** The task's state in lower case, or its error; empty before there is a task. */
  readonly state: string;
  /** 0 … 9: how much of the bar is filled; undefined for an error. */
  readonly stage: number | undefined;
}

/**
 * @param tasks  tasks that have the service's present spec
 * @param nodes  all nodes; tasks on nodes that are down do not count
 */
export function serviceProgress(service: Service, tasks: readonly Task[], nodes: readonly Node[]): ServiceProgress {
  const usable = usableNodes(nodes);
  const spec = service.spec ?? {};
  return spec.global === undefined
    ? replicatedProgress(Number(spec.replicated?.replicas ?? "0"), tasks, usable)
    : globalProgress(tasks, usable);
}

/** Those that are not down, by id. */
export const usableNodes = (nodes: readonly Node[]): ReadonlyMap<string, Node> =>
  new Map(nodes.filter(({ status }) => status?.state !== "DOWN").map((node) => [node.id ?? "", node]));

function replicatedProgress(
  replicas: number,
  tasks: readonly Task[],
  nodes: ReadonlyMap<string, Node>,
): ServiceProgress {
  const bySlot = foremost(tasks, (task) => task.slot ?? "0");
  const slots = Array.from({ length: replicas }, (_, index) => bySlot.get(String(index + 1)));
  // Slots are not always 1 … n: after scaling down and up again there may be gaps.
  const counted = [...bySlot.values()].filter((task) => isOnUsableNode(task, nodes));
  const done = Math.min(replicas, counted.filter(isRunning).length);
  const shown = slots.map((task, index) => slotProgress(`${index + 1}/${replicas}`, task));
  return { isConverged: counted.filter(isRunning).length === replicas, done, total: replicas, slots: shown };
}

function globalProgress(tasks: readonly Task[], nodes: ReadonlyMap<string, Node>): ServiceProgress {
  const byNode = foremost(
    tasks.filter((task) => (task.nodeId ?? "") !== ""),
    (task) => task.nodeId ?? "",
  );
  const counted = [...byNode.entries()].filter(([nodeId]) => nodes.has(nodeId));
  const done = counted.filter(([, task]) => isRunning(task)).length;
  const slots = counted.map(([nodeId, task]) =>
    slotProgress(nodes.get(nodeId)?.description?.hostname ?? nodeId.slice(0, 12), task),
  );
  return { isConverged: counted.length > 0 && done === counted.length, done, total: counted.length, slots };
}

/** The task that matters of each slot: the one that is meant to go furthest, and of those the one that is behind. */
function foremost(tasks: readonly Task[], keyOf: (task: Task) => string): ReadonlyMap<string, Task> {
  const chosen = new Map<string, Task>();
  for (const task of tasks) {
    const other = chosen.get(keyOf(task));
    if (other === undefined || isForemost(task, other)) chosen.set(keyOf(task), task);
  }
  return chosen;
}

function isForemost(task: Task, other: Task): boolean {
  const [own, others] = [statusRank(task.desiredState), statusRank(other.desiredState)];
  // A task that is meant to run counts before one that is meant to stop.
  if (own !== others) return own < others;
  return statusRank(task.status?.state) < statusRank(other.status?.state);
}

const isOnUsableNode = (task: Task, nodes: ReadonlyMap<string, Node>): boolean => nodes.has(task.nodeId ?? "");
const isRunning = (task: Task): boolean =>
  task.status?.state === "RUNNING" && statusRank(task.desiredState) <= statusRank("RUNNING");

export function slotProgress(label: string, task: Task | undefined): SlotProgress {
  if (task === undefined) return { label, state: "", stage: 0 };
  const isStopping = statusRank(task.desiredState) > statusRank("RUNNING");
  const error = task.status?.err ?? "";
  if (error !== "" && !isStopping) return { label, state: error.replaceAll(/\s+/g, " "), stage: undefined };
  const state = task.status?.state ?? "NEW";
  return { label, state: state.toLowerCase(), stage: Math.min(9, statusRank(state)) };
}
