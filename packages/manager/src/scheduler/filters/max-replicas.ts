import { type PlacementFilter, serviceNameOf } from "./filter.ts";

/** The node has fewer tasks of the service than `placement.max_replicas`. */
export const maxReplicasFilter: PlacementFilter = {
  subject: "replicas",
  checkFor: (task) => {
    const limit = Number(task.spec?.placement?.maxReplicas ?? 0);
    return limit === 0 ? undefined : (node) => node.activeTasks(task.serviceId ?? "") < limit;
  },
  explain: () => "max replicas per node limit exceed",
  describe: (task, node) => {
    const limit = task.spec?.placement?.maxReplicas ?? "0";
    return {
      reason: `it has ${node.activeTasks(task.serviceId ?? "")} tasks of the service, and ${limit} is the limit`,
      remedy: `mswarm service update --replicas-max-per-node ${Number(limit) + 1} ${serviceNameOf(task)}, or add a node`,
    };
  },
};
