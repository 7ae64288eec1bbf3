import type { PlacementFilter } from "./filter.ts";

/** The node has fewer tasks of the service than `placement.max_replicas`. */
export const maxReplicasFilter: PlacementFilter = {
  checkFor: (task) => {
    const limit = Number(task.spec?.placement?.maxReplicas ?? 0);
    return limit === 0 ? undefined : (node) => node.activeTasks(task.serviceId ?? "") < limit;
  },
  explain: () => "max replicas per node limit exceed",
};
