import { nodeMatches, readConstraints } from "../../objects/constraints.ts";
import { onNodes, type PlacementFilter } from "./filter.ts";

/** All placement constraints of the task hold for the node. */
export const constraintFilter: PlacementFilter = {
  checkFor: (task) => {
    const constraints = readConstraints(task.spec?.placement?.constraints);
    return constraints.length === 0 ? undefined : ({ node }) => nodeMatches(constraints, node);
  },
  explain: (nodes) => onNodes("scheduling constraints not satisfied on", nodes),
};
