import type { Task } from "@mswarm/wire";
import type { NodeInfo } from "../node-info.ts";

/** What one node lacks for one task, and what could be done about it, each without a full stop. */
export interface Refusal {
  readonly reason: string;
  readonly remedy: string;
}

/** One reason why a task cannot run on a node. */
export interface PlacementFilter {
  /** What it looks at, in a word, for people. */
  readonly subject: "ready" | "resources" | "plugins" | "constraints" | "platform" | "ports" | "replicas";
  /** The check of a node for `task`; undefined when this filter has nothing to say about the task. */
  checkFor(task: Task): ((node: NodeInfo) => boolean) | undefined;
  /** Why `nodes` nodes were refused, in SwarmKit's words. */
  explain(nodes: number): string;
  /** Why `node` was refused, for `mswarm explain`. To be asked of a node that the check refused. */
  describe(task: Task, node: NodeInfo): Refusal;
}

/** `phrase` with `1 node` or `n nodes` at its end. */
export const onNodes = (phrase: string, nodes: number): string =>
  `${phrase} ${nodes === 1 ? "1 node" : `${nodes} nodes`}`;

/** How a person names the node in a command. */
export const nameOf = ({ id, node }: NodeInfo): string => node.description?.hostname || id;

/** How a person names the service of `task` in a command. */
export const serviceNameOf = (task: Task): string => task.serviceAnnotations?.name || (task.serviceId ?? "");
