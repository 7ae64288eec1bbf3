// Nodes that were given a certificate and never came: their joins failed, and they are not to stay in the list for ever.
import {
  type Clock,
  failedPrecondition,
  hours,
  type Instant,
  type Logger,
  notFound,
  timestampOf,
  whenAborted,
} from "@mswarm/runtime";
import { clusters, nodes, type Store, type WriteTransaction } from "@mswarm/store";
import type { Node } from "@mswarm/wire";
import { defaultClusterName } from "../objects/cluster-spec.ts";
import { forgetNode } from "../objects/forgotten-nodes.ts";
import type { RaftGroup } from "./raft-group.ts";
import { isRefusedManager } from "./refused-managers.ts";

/** A node that has not come by then does not come. */
const patience = hours(24);
const interval = hours(1);
/** Length of the list of removed nodes to which unfinished joins are added. */
const refusedMax = 1_000;

export interface UnfinishedJoinsParts {
  readonly store: Store;
  readonly raft: Pick<RaftGroup, "members">;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * A node takes its own join back. Runs on the leader.
 * Errors: NOT_FOUND; FAILED_PRECONDITION for a node that has taken part: it leaves, and is removed by a person.
 */
export async function retractJoin(nodeId: string, { store, raft, clock, log }: UnfinishedJoinsParts): Promise<void> {
  await store.update((tx) => {
    const node = tx.get(nodes, nodeId);
    if (node === undefined) throw notFound(`node ${nodeId} not found`);
    if (!hasNeverCome(node, raft)) {
      throw failedPrecondition(`node ${nodeId} has taken part in the cluster, so its join cannot be taken back`);
    }
    forgetJoin(tx, node, clock.now());
  });
  log.info({ node: nodeId }, "a node has taken its join back");
}

/**
 * Forgets nodes that have not come a day after they were admitted, and Docker Engines whose refusal as a manager fell into
 * the end of a leader's term. Leader only; looks at once, then every hour.
 */
export async function runUnfinishedJoins(parts: UnfinishedJoinsParts, signal: AbortSignal): Promise<void> {
  const { store, clock } = parts;
  try {
    while (!signal.aborted) {
      await forgetThem(parts);
      await clock.sleep(interval, signal);
    }
  } catch (error) {
    if (!signal.aborted && store.isLeading) throw error;
    // A write that was refused because leadership is over: the signal is on its way.
    await whenAborted(signal);
  }
}

async function forgetThem({ store, raft, clock, log }: UnfinishedJoinsParts): Promise<void> {
  const now = clock.now();
  const isUnfinished = (node: Node): boolean => hasNeverCome(node, raft) || isRefusedManager(node, raft);
  const isOverdue = (node: Node): boolean => isUnfinished(node) && now - admittedAt(node, now) > patience;
  const overdue = store.view((tx) => [...tx.all(nodes)].filter(isOverdue).map(({ id = "" }) => id));
  await store.batch(overdue, (tx, nodeId) => {
    const node = tx.get(nodes, nodeId);
    if (node !== undefined && isOverdue(node)) forgetJoin(tx, node, now);
  });
  if (overdue.length > 0) log.info({ nodes: overdue }, "forgot nodes that were admitted and never came");
}

/**
 * The certificate of such a node is refused as that of any removed node. But the list of those is one object, replicated
 * as a whole, and whoever has a join token could fill it by joining and taking it back: beyond some, workers only lose
 * their record, without which their certificate opens nothing.
 */
function forgetJoin(tx: WriteTransaction, node: Node, now: Instant): void {
  const [cluster] = tx.by(clusters, "name", defaultClusterName);
  const refused = Object.keys(cluster?.blacklistedCertificates ?? {}).length;
  if (node.role === "MANAGER" || refused < refusedMax) forgetNode(tx, node, now);
  else tx.remove(nodes, node.id ?? "");
}

/** It has no session behind it, and no vote. */
function hasNeverCome({ id, description }: Node, raft: Pick<RaftGroup, "members">): boolean {
  return description === undefined && raft.members().every(({ nodeId }) => nodeId !== id);
}

const admittedAt = ({ meta }: Node, now: Instant): Instant => timestampOf(meta?.createdAt) ?? now;
