import type { Node } from "@mswarm/wire";
import type { PlacementFilter } from "./filter.ts";

/** The node is there and takes new tasks. */
export const takesNewTasks = (node: Node): boolean =>
  node.status?.state === "READY" && (node.spec?.availability ?? "ACTIVE") === "ACTIVE";

export const readyFilter: PlacementFilter = {
  checkFor:
    () =>
    ({ node }) =>
      takesNewTasks(node),
  explain: (nodes) =>
    nodes === 1 ? "1 node not available for new tasks" : `${nodes} nodes not available for new tasks`,
};
