// Certificates of removed nodes are refused until they have expired, and a week longer.
import { after, hours, type Instant, timestampOf, wireTimestamp } from "@mswarm/runtime";
import type { Cluster } from "@mswarm/wire";

// Source: swarmkit manager/controlapi/cluster.go, expiredCertGrace.
const expiredGrace = hours(7 * 24);

type RemovedNodes = NonNullable<Cluster["blacklistedCertificates"]>;

/** The list without entries whose certificate expired more than a week ago. Those without an expiry stay for ever. */
export function currentRemovedNodes(cluster: Cluster, now: Instant): RemovedNodes {
  return Object.fromEntries(
    Object.entries(cluster.blacklistedCertificates ?? {}).filter(([, { expiry }]) => {
      const expires = timestampOf(expiry);
      return expires === undefined || after(expires, expiredGrace) >= now;
    }),
  );
}

/** The cluster's list with one node more. @param expires  end of its certificate; undefined when it is not known */
export function withRemovedNode(
  cluster: Cluster,
  removed: { readonly nodeId: string; readonly expires: Instant | undefined },
  now: Instant,
): Cluster {
  const entry = removed.expires === undefined ? {} : { expiry: wireTimestamp(removed.expires) };
  return {
    ...cluster,
    blacklistedCertificates: { ...currentRemovedNodes(cluster, now), [removed.nodeId]: entry },
  };
}
