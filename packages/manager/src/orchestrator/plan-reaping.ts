// Which tasks of a slot (global: of a node) are history that nobody needs any more.
// Source: swarmkit manager/orchestrator/taskreaper; wire reference 7.11.
import type { Service, Task } from "@mswarm/wire";
import { desiredOf, hasEnded, hasReached, isWanted } from "../objects/task-state.ts";
import { byAge } from "../objects/task-time.ts";
import { isLiveSlot } from "./plan-slot.ts";
import { restartRulesOf } from "./restart-policy.ts";

/** True for a task that was told to go and has nothing left on a node. */
export const isRemovable = (task: Task): boolean =>
  desiredOf(task) === "REMOVE" && (!hasReached(task, "ASSIGNED") || hasEnded(task));

/**
 * The oldest ended (or never started) tasks of a slot beyond what is kept: `retentionLimit`, or, where the restart
 * attempts are limited, as many as it takes to count them. A negative limit keeps everything.
 * Differs: a slot that only lives by its ended task (which must not be restarted) keeps that one even at limit 0;
 * otherwise the orchestrator would run it again.
 */
export function planReaping(service: Service, slot: readonly Task[], retentionLimit: number): readonly Task[] {
  const { attemptsMax } = restartRulesOf(service.spec?.task);
  const kept = attemptsMax > 0 ? attemptsMax + 1 : retentionLimit;
  if (kept < 0) return [];
  const ordered = [...slot].sort(byAge);
  const keepsNewest = !slot.some(isWanted) && isLiveSlot(slot);
  const candidates = (keepsNewest ? ordered.slice(0, -1) : ordered).filter(
    (task) => hasEnded(task) || (!hasReached(task, "ASSIGNED") && !isWanted(task)),
  );
  return candidates.slice(0, Math.max(0, ordered.length - kept));
}

/**
 * The same for a slot (or node) of a job, whose last task stays whatever the limit: it tells that the work is done.
 * Differs: SwarmKit keeps every task of a job, also those of older iterations, until the service is removed.
 */
export function planJobReaping(service: Service, slot: readonly Task[], retentionLimit: number): readonly Task[] {
  const { attemptsMax } = restartRulesOf(service.spec?.task);
  const kept = attemptsMax > 0 ? attemptsMax + 1 : retentionLimit;
  if (kept < 0) return [];
  const ordered = [...slot].sort(byAge);
  const candidates = ordered.slice(0, -1).filter(hasEnded);
  return candidates.slice(0, Math.max(0, ordered.length - Math.max(kept, 1)));
}
