import type { Node } from "@mswarm/wire";
import { nameOf, type PlacementFilter } from "./filter.ts";

/** The node is there and takes new tasks. */
export const takesNewTasks = (node: Node): boolean =>
  node.status?.state === "READY" && (node.spec?.availability ?? "ACTIVE") === "ACTIVE";

export const readyFilter: PlacementFilter = {
  subject: "ready",
  checkFor:
    () =>
    ({ node }) =>
      takesNewTasks(node),
  explain: (nodes) =>
    nodes === 1 ? "1 node not available for new tasks" : `${nodes} nodes not available for new tasks`,
  describe: (_task, info) => {
    const { status, spec } = info.node;
    if (status?.state !== "READY") {
      const message = status?.message ? ` (${status.message})` : "";
      return {
        reason: `it is ${(status?.state ?? "UNKNOWN").toLowerCase()}${message}`,
        remedy: `bring ${nameOf(info)} back: start its daemon and check its connection to the managers`,
      };
    }
    return {
      reason: `its availability is ${(spec?.availability ?? "ACTIVE").toLowerCase()}`,
      remedy: `mswarm node update --availability active ${nameOf(info)}`,
    };
  },
};
