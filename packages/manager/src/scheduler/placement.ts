// Finds nodes for waiting tasks. Decides on the picture of the cluster, and counts what it decided into it at once, so
// that the next decision sees it.
import type { Instant } from "@mswarm/runtime";
import type { GenericResource, Task } from "@mswarm/wire";
import { stateOf } from "../objects/task-state.ts";
import type { ClusterView, TaskGroup, Work } from "./cluster-view.ts";
import type { NodeInfo } from "./node-info.ts";
import { Pipeline } from "./pipeline.ts";
import { Spread } from "./spread.ts";

export type Decision =
  | {
      readonly kind: "place";
      readonly taskId: string;
      readonly nodeId: string;
      readonly message: string;
      readonly generic: readonly GenericResource[];
    }
  | { readonly kind: "explain"; readonly taskId: string; readonly err: string };

/** Decisions for every waiting task that has a chance since the last time, and for no other. */
export function decide(view: ClusterView, work: Work, now: Instant): readonly Decision[] {
  const decisions: Decision[] = [];
  for (const task of view.preassigned) {
    const nodeId = task.nodeId ?? "";
    const isDue = work.nodesChanged || work.fresh.has(nodeId) || work.released.has(nodeId);
    const node = view.node(nodeId);
    if (isDue && node !== undefined) decisions.push(confirm(task, node, view));
  }
  for (const group of view.groups) {
    if (work.nodesChanged || work.fresh.has(group.key) || hasChance(group, work.released, view)) {
      decisions.push(...placeGroup(group, view, now));
    }
  }
  return decisions;
}

/** Capacity came free on some nodes: does one of them take a task of the group? */
function hasChance(group: TaskGroup, released: ReadonlySet<string>, view: ClusterView): boolean {
  const [sample] = group.tasks.values();
  if (sample === undefined || released.size === 0) return false;
  const pipeline = new Pipeline(sample);
  return [...released].some((nodeId) => {
    const node = view.node(nodeId);
    return node !== undefined && pipeline.accepts(node);
  });
}

/** A task whose node was chosen by the orchestrator. */
function confirm(task: Task, node: NodeInfo, view: ClusterView): Decision {
  const pipeline = new Pipeline(task);
  if (!pipeline.accepts(node)) return { kind: "explain", taskId: task.id ?? "", err: pipeline.explain([node]) };
  return place(task, node, view, "scheduler confirmed task can run on preassigned node");
}

function placeGroup(group: TaskGroup, view: ClusterView, now: Instant): readonly Decision[] {
  const waiting = [...group.tasks.values()];
  const [sample] = waiting;
  if (sample === undefined) return [];
  const pipeline = new Pipeline(sample);
  const spread = new Spread(sample, now);
  for (const node of view.nodes) spread.add(node, pipeline.accepts(node));
  const decisions: Decision[] = [];
  for (const [position, task] of waiting.entries()) {
    const node = spread.take();
    if (node === undefined) {
      const err = noSuitableNode(pipeline.explain(view.nodes));
      decisions.push(
        ...waiting.slice(position).map((left) => ({ kind: "explain", taskId: left.id ?? "", err }) as const),
      );
      break;
    }
    decisions.push(place(task, node, view, "scheduler assigned task to node"));
    if (pipeline.accepts(node)) spread.giveBack(node);
  }
  return decisions;
}

function place(task: Task, node: NodeInfo, view: ClusterView, message: string): Decision {
  const generic = node.claimGeneric(task.spec?.resources?.reservations?.generic ?? []) ?? [];
  view.setTask({
    ...task,
    nodeId: node.id,
    status: { ...task.status, state: "ASSIGNED" },
    ...(generic.length === 0 ? {} : { assignedGenericResources: [...generic] }),
  });
  return { kind: "place", taskId: task.id ?? "", nodeId: node.id, message, generic };
}

const noSuitableNode = (explanation: string): string =>
  explanation === "" ? "no suitable node" : `no suitable node (${explanation})`;

/** True while the decision still fits the task: it waits, and nobody else gave it a node. */
export const isStillWaiting = (task: Task, nodeId: string): boolean =>
  stateOf(task) === "PENDING" && ((task.nodeId ?? "") === "" || task.nodeId === nodeId);
