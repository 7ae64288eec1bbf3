// What only the leader does: one list. Everything on it starts when this manager leads and stops when it no longer does.
import { type Clock, type Logger, messageOf, type Random, TaskGroup } from "@mswarm/runtime";
import type { Store } from "@mswarm/store";
import { runAllocator } from "./allocator/allocator.ts";
import type { CertificateServer } from "./certificates/certificate-server.ts";
import type { Dispatcher } from "./dispatcher/dispatcher.ts";
import type { LogBroker } from "./logs/log-broker.ts";
import type { RaftGroup } from "./membership/raft-group.ts";
import type { RefusedManagers } from "./membership/refused-managers.ts";
import { runRemovedNodePruning } from "./membership/removed-nodes.ts";
import { runRoleManager } from "./membership/role-manager.ts";
import { runUnfinishedJoins } from "./membership/unfinished-joins.ts";
import { runConstraintEnforcer } from "./orchestrator/constraint-enforcer.ts";
import { runGlobalOrchestrator } from "./orchestrator/global.ts";
import { runJobOrchestrator } from "./orchestrator/jobs.ts";
import { runOrphanKeeper } from "./orchestrator/orphans.ts";
import { runTaskReaper } from "./orchestrator/reaper.ts";
import { runServiceRemoval } from "./orchestrator/removed-services.ts";
import { runReplicatedOrchestrator } from "./orchestrator/replicated.ts";
import { runSecretRotation } from "./orchestrator/rotated-secrets.ts";
import { runScheduler } from "./scheduler/scheduler.ts";

export interface LeaderParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly clusterId: string;
  readonly raft: RaftGroup;
  readonly dispatcher: Dispatcher;
  readonly certificateServer: CertificateServer;
  readonly logBroker: LogBroker;
  readonly refusedManagers: RefusedManagers;
}

interface LeaderLoop {
  readonly name: string;
  run(parts: LeaderParts, signal: AbortSignal): Promise<void>;
}

/** In the order of a task's life; none of them waits for another, they meet in the store. */
export const leaderLoops: readonly LeaderLoop[] = [
  { name: "certificates", run: ({ certificateServer }, signal) => certificateServer.run(signal) },
  { name: "role manager", run: runRoleManager },
  { name: "removed node pruning", run: runRemovedNodePruning },
  { name: "refused managers", run: (parts, signal) => parts.refusedManagers.run(parts, signal) },
  { name: "unfinished joins", run: runUnfinishedJoins },
  { name: "replicated orchestrator", run: runReplicatedOrchestrator },
  { name: "global orchestrator", run: runGlobalOrchestrator },
  { name: "job orchestrator", run: runJobOrchestrator },
  { name: "service removal", run: runServiceRemoval },
  { name: "secret rotation", run: runSecretRotation },
  { name: "constraint enforcer", run: runConstraintEnforcer },
  { name: "task reaper", run: runTaskReaper },
  { name: "orphan keeper", run: runOrphanKeeper },
  { name: "allocator", run: runAllocator },
  { name: "scheduler", run: runScheduler },
  { name: "log broker", run: ({ logBroker }, signal) => logBroker.run(signal) },
  { name: "dispatcher", run: ({ dispatcher }, signal) => dispatcher.run(signal) },
];

/** Runs while this manager leads. */
export interface LeaderTerm {
  /** The Raft term. */
  readonly number: number;
  stop(): Promise<void>;
}

/**
 * Starts the leader's loops.
 *
 * @param term.onFailure  called once when a loop fails: a leader that does half of its work must not lead
 */
export function startLeader(
  parts: LeaderParts,
  term: { readonly number: number; readonly lifetime: AbortSignal; readonly onFailure: () => void },
): LeaderTerm {
  const { log } = parts;
  let hasFailed = false;
  const group = new TaskGroup(term.lifetime, (name, error) => {
    if (hasFailed) return;
    hasFailed = true;
    log.error(
      { loop: name, reason: messageOf(error), err: error },
      "a loop of the leader failed: giving up leadership",
    );
    term.onFailure();
  });
  for (const { name, run } of leaderLoops) group.run(name, (signal) => run(parts, signal));
  return { number: term.number, stop: () => group.close() };
}
