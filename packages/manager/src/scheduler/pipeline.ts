// All filters for one task, in SwarmKit's order: the first refusal counts.
import type { Task } from "@mswarm/wire";
import { constraintFilter } from "./filters/constraint.ts";
import type { PlacementFilter } from "./filters/filter.ts";
import { hostPortFilter } from "./filters/host-port.ts";
import { maxReplicasFilter } from "./filters/max-replicas.ts";
import { platformFilter } from "./filters/platform.ts";
import { pluginFilter } from "./filters/plugin.ts";
import { readyFilter } from "./filters/ready.ts";
import { resourceFilter } from "./filters/resource.ts";
import type { NodeInfo } from "./node-info.ts";

/** In the order in which they are asked. */
export const filters: readonly PlacementFilter[] = [
  readyFilter,
  resourceFilter,
  pluginFilter,
  constraintFilter,
  platformFilter,
  hostPortFilter,
  maxReplicasFilter,
];

/** The filters that have something to say about one task (or about a group of equal ones). */
export class Pipeline {
  readonly #checks: readonly { filter: PlacementFilter; accepts: (node: NodeInfo) => boolean }[];

  constructor(task: Task) {
    this.#checks = filters.flatMap((filter) => {
      const accepts = filter.checkFor(task);
      return accepts === undefined ? [] : [{ filter, accepts }];
    });
  }

  accepts(node: NodeInfo): boolean {
    return this.#checks.every(({ accepts }) => accepts(node));
  }

  /** Why none of `nodes` will do, most frequent reason first; empty when one does or there is none. */
  explain(nodes: Iterable<NodeInfo>): string {
    const refusals = new Map<PlacementFilter, number>();
    for (const node of nodes) {
      const refusing = this.#checks.find(({ accepts }) => !accepts(node))?.filter;
      if (refusing !== undefined) refusals.set(refusing, (refusals.get(refusing) ?? 0) + 1);
    }
    return filters
      .map((filter) => ({ filter, count: refusals.get(filter) ?? 0 }))
      .filter(({ count }) => count > 0)
      .sort((left, right) => right.count - left.count)
      .map(({ filter, count }) => filter.explain(count))
      .join("; ");
  }
}
