// Why a task waits for a node: what the scheduler would say, filter by filter and node by node.
import { nodes as nodeTable, type ReadTransaction } from "@mswarm/store";
import type { mswarm, Task } from "@mswarm/wire";
import { ClusterView } from "./cluster-view.ts";
import { nameOf, type Refusal } from "./filters/filter.ts";
import type { NodeInfo } from "./node-info.ts";
import { filters } from "./pipeline.ts";

type NodeExplanation = mswarm.NodeExplanation;

export interface PlacementExplanation {
  /** Every node that the task could go to, those first that lack least. */
  readonly nodes: readonly NodeExplanation[];
  /** What would let it run, the smallest change first; empty when some node takes it. */
  readonly remedies: readonly string[];
}

const remediesMax = 5;

/**
 * Asks every filter about every node, as things are now; the scheduler itself stops at a node's first refusal.
 * Costs as much as the cluster is large: for a person's question, not for events.
 *
 * @param task  one without a node, or one that may run on its own node only
 */
export function explainPlacement(tx: ReadTransaction, task: Task): PlacementExplanation {
  const view = ClusterView.of(tx);
  const ownNode = task.nodeId ?? "";
  const candidates = ownNode === "" ? [...tx.all(nodeTable)].map(({ id = "" }) => id) : [ownNode];
  const asked = candidates
    .map((nodeId) => view.node(nodeId))
    .filter((node) => node !== undefined)
    .map((node) => askAll(task, node))
    .sort((left, right) => left.refusals.length - right.refusals.length || compare(left.name, right.name));
  const fits = asked.some(({ refusals }) => refusals.length === 0);
  const remedies = asked.map(({ name, refusals }) => remedyOf(name, refusals));
  return {
    nodes: asked.map(({ node }) => node),
    remedies: fits ? [] : [...new Set(remedies)].slice(0, remediesMax),
  };
}

interface Answers {
  readonly name: string;
  readonly node: NodeExplanation;
  readonly refusals: readonly Refusal[];
}

function askAll(task: Task, info: NodeInfo): Answers {
  const refusals: Refusal[] = [];
  const verdicts = filters.map((filter): mswarm.FilterVerdict => {
    const accepts = filter.checkFor(task);
    if (accepts === undefined) return { filter: filter.subject };
    if (accepts(info)) return { filter: filter.subject, outcome: "PASSED" };
    const refusal = filter.describe(task, info);
    refusals.push(refusal);
    return { filter: filter.subject, outcome: "REFUSED", reason: refusal.reason };
  });
  const name = nameOf(info);
  return { name, node: { nodeId: info.id, hostname: name, verdicts }, refusals };
}

const remedyOf = (name: string, refusals: readonly Refusal[]): string =>
  refusals.length === 1
    ? (refusals[0]?.remedy ?? "")
    : `for ${name}, all of: ${refusals.map(({ remedy }) => remedy).join("; ")}`;

const compare = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);
