import { isSwarmError, notFound } from "@mswarm/runtime";
import type { Cluster, ClusterSpec } from "@mswarm/wire";
import type { Control } from "../cli-context.ts";

/** The one Cluster object. Errors: NOT_FOUND while it does not exist yet. */
export async function clusterOf(control: Control): Promise<Cluster> {
  const { clusters = [] } = await control.ListClusters({});
  const [cluster] = clusters;
  if (cluster === undefined) throw notFound("the cluster is not ready yet");
  return cluster;
}

export interface Rotation {
  readonly workerJoinToken?: boolean;
  readonly managerJoinToken?: boolean;
}

/** Somebody else may have changed the object between our read and our write. */
const attempts = 3;

/** Reads, changes and writes the cluster's spec. */
export async function changeCluster(
  control: Control,
  change: (spec: ClusterSpec) => ClusterSpec,
  rotation: Rotation = {},
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const cluster = await clusterOf(control);
    try {
      await control.UpdateCluster({
        clusterId: cluster.id ?? "",
        clusterVersion: cluster.meta?.version ?? {},
        spec: change(cluster.spec ?? {}),
        rotation,
      });
      return;
    } catch (error) {
      const isStale = isSwarmError(error) && error.message.includes("update out of sequence");
      if (!isStale || attempt === attempts) throw error;
    }
  }
}
