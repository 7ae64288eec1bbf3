// How this manager's Raft node begins: with the log on disk, as the first of a new cluster, or by being admitted.
import { noRaftId, RaftNode, type RaftNodeOptions, type RaftStart } from "@mswarm/raft";
import { failedPrecondition } from "@mswarm/runtime";
import { clusters, type Store } from "@mswarm/store";
import type { RaftConfig } from "@mswarm/wire";
import type { Foundation } from "./manager-foundation.ts";
import type { ManagerOptions, ManagerParts } from "./manager-options.ts";
import { type LoadedLog, loadedLog, newRaftId, requestJoin } from "./raft-join.ts";
import type { RaftHolder } from "./raft-views.ts";

/**
 * Loads the log and starts the Raft node.
 *
 * @param signal  ends the attempt to be admitted
 * Errors: those of the log store and of `requestJoin`; FAILED_PRECONDITION for the log of another node.
 */
export async function startRaft(
  options: ManagerOptions,
  parts: ManagerParts,
  foundation: Foundation,
  signal: AbortSignal,
): Promise<RaftNode> {
  const { clock, random, log, onFailure, onRemoved } = parts;
  const { transport, observed, holder, replicated } = foundation;
  const loaded = await loadedLog(parts.logStore);
  checkOwner(loaded.nodeId, options.identity.nodeId);
  const start = loaded.hasLog
    ? ({ kind: "restart" } as const)
    : await firstStart(options, parts, loaded, holder, signal);
  const raft = await RaftNode.start(snapshotSettings(start, foundation.store, options.identity.clusterId), {
    store: loaded.store,
    stateMachine: replicated,
    transport: observed,
    clock,
    random,
    log,
    onFailure,
    onRemoved,
  });
  holder.current = raft;
  transport.attach(raft, raft.self.raftId);
  return raft;
}

async function firstStart(
  options: ManagerOptions,
  parts: ManagerParts,
  loaded: LoadedLog,
  holder: RaftHolder,
  signal: AbortSignal,
): Promise<RaftStart> {
  const isReserved = loaded.raftId !== noRaftId;
  const raftId = isReserved ? loaded.raftId : newRaftId(parts.random);
  const self = { raftId, nodeId: options.identity.nodeId, address: options.advertiseAddress };
  if (options.start.kind === "bootstrap") return { kind: "bootstrap", self };
  // On disk before anybody is asked: whoever is admitted, and stopped before it learns of it, asks again under the same
  // id. A new one each time would leave members behind that nobody is, and with them a quorum that never comes.
  if (!isReserved) await loaded.store.saveIdentity({ self, members: [] });
  holder.reservedId = raftId;
  return await requestJoin(self, parts, signal);
}

/** The cluster's own settings, in force from the moment they are applied here. Zero keeps the default. */
function snapshotSettings(start: RaftStart, store: Store, clusterId: string): RaftNodeOptions {
  const settings = (): RaftConfig => store.view((tx) => tx.get(clusters, clusterId))?.spec?.raft ?? {};
  return {
    start,
    get snapshotInterval() {
      return Number(settings().snapshotInterval ?? 0) || 10_000;
    },
    get entriesKept() {
      return Number(settings().logEntriesForSlowFollowers ?? 0) || 500;
    },
  };
}

/** Errors: FAILED_PRECONDITION for the log of another node. */
function checkOwner(owner: string | undefined, nodeId: string): void {
  if (owner === undefined || owner === nodeId) return;
  throw failedPrecondition(
    `the Raft log in the state directory belongs to node ${owner}, its certificate to node ${nodeId}: they come from two state directories`,
  );
}
