import type { Task } from "@mswarm/wire";
import type { NodeInfo } from "../node-info.ts";

/** One reason why a task cannot run on a node. */
export interface PlacementFilter {
  /** The check of a node for `task`; undefined when this filter has nothing to say about the task. */
  checkFor(task: Task): ((node: NodeInfo) => boolean) | undefined;
  /** Why `nodes` nodes were refused, in SwarmKit's words. */
  explain(nodes: number): string;
}

/** `phrase` with `1 node` or `n nodes` at its end. */
export const onNodes = (phrase: string, nodes: number): string =>
  `${phrase} ${nodes === 1 ? "1 node" : `${nodes} nodes`}`;
