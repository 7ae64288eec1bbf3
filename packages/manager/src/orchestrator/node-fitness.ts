import type { Node } from "@mswarm/wire";

/** Looks up a node by id; undefined when it was removed. */
export type NodeLookup = (nodeId: string) => Node | undefined;

/** The node is gone or not heard of any more: what ran there cannot be waited for. */
export const isLost = (node: Node | undefined): boolean => node === undefined || node.status?.state === "DOWN";

/** Tasks must leave this node. Source: swarmkit manager/orchestrator/task.go, InvalidNode. */
export const mustBeLeft = (node: Node | undefined): boolean => isLost(node) || node?.spec?.availability === "DRAIN";

/** True when a change of a node can make a difference to the tasks on it. */
export function fitnessChanged(before: Node | undefined, now: Node): boolean {
  return mustBeLeft(before) !== mustBeLeft(now) || isLost(before) !== isLost(now);
}
