// Whose certificates are refused: the cluster's list of removed nodes.
import { type Clock, hours, type Logger, whenAborted } from "@mswarm/runtime";
import { changesOf, clusters, type Store } from "@mswarm/store";
import { currentRemovedNodes } from "../objects/removed-nodes.ts";

const pruneInterval = hours(1);

/** The question every connection is asked: was this node removed? Reads the store at each call. */
export function removedNodes(store: Store, clusterId: string): (nodeId: string) => boolean {
  return (nodeId) => {
    const cluster = store.view((tx) => tx.get(clusters, clusterId));
    return Object.hasOwn(cluster?.blacklistedCertificates ?? {}, nodeId);
  };
}

/**
 * Calls `listener` for each node that joins the list, so that its open connections can be cut. Returns the function
 * that ends it.
 */
export function onNodeRemoved(store: Store, clusterId: string, listener: (nodeId: string) => void): () => void {
  return store.watch(
    (changes) => {
      for (const { object, previous } of changesOf(changes, clusters)) {
        if (object.id !== clusterId) continue;
        const before = previous?.blacklistedCertificates ?? {};
        if (object.blacklistedCertificates === before) continue;
        for (const nodeId of Object.keys(object.blacklistedCertificates ?? {})) {
          if (!Object.hasOwn(before, nodeId)) listener(nodeId);
        }
      }
    },
    [clusters],
  );
}

export interface PruningParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly clusterId: string;
}

/** Takes nodes off the list whose certificate has expired a week ago. Leader only; looks at once, then every hour. */
export async function runRemovedNodePruning(parts: PruningParts, signal: AbortSignal): Promise<void> {
  const { store, clock } = parts;
  try {
    while (!signal.aborted) {
      await prune(parts);
      await clock.sleep(pruneInterval, signal);
    }
  } catch (error) {
    if (!signal.aborted && store.isLeading) throw error;
    // A write that was refused because leadership is over: the signal is on its way.
    await whenAborted(signal);
  }
}

async function prune({ store, clock, log, clusterId }: PruningParts): Promise<void> {
  const pruned = await store.update((tx) => {
    const cluster = tx.get(clusters, clusterId);
    if (cluster === undefined) return 0;
    const left = currentRemovedNodes(cluster, clock.now());
    const count = Object.keys(cluster.blacklistedCertificates ?? {}).length - Object.keys(left).length;
    if (count > 0) tx.update(clusters, { ...cluster, blacklistedCertificates: left });
    return count;
  });
  if (pruned > 0) log.info({ count: pruned }, "forgot removed nodes whose certificates have expired");
}
