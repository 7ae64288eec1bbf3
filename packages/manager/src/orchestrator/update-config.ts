// How a service wants to be updated or rolled back. Source: swarmkit api/defaults/service.go; wire reference 7.6.
import { type Duration, durationOf, milliseconds, seconds } from "@mswarm/runtime";
import type { Service, UpdateConfig_FailureAction, UpdateConfig_UpdateOrder } from "@mswarm/wire";

export interface UpdateRules {
  /** Slots at a time; 0 = all at once. */
  readonly parallelism: number;
  /** Pause after each slot. */
  readonly delay: Duration;
  readonly failureAction: UpdateConfig_FailureAction;
  /** How long after its start the failure of a task counts against the update. */
  readonly monitor: Duration;
  /** Share of failed slots that is still borne, 0 … 1. */
  readonly failureRatioMax: number;
  readonly order: UpdateConfig_UpdateOrder;
}

export const isRollback = (service: Service): boolean => service.updateStatus?.state === "ROLLBACK_STARTED";

/** The rules in force: those for rolling back during a rollback. */
export function updateRulesOf(service: Service): UpdateRules {
  const config = isRollback(service) ? service.spec?.rollback : service.spec?.update;
  return {
    // Only a missing config means one at a time; a config without the field means all.
    parallelism: config === undefined ? 1 : Number(config.parallelism ?? 0),
    delay: durationOf(config?.delay, milliseconds(0)),
    failureAction: config?.failureAction ?? "PAUSE",
    monitor: durationOf(config?.monitor, seconds(5)),
    failureRatioMax: config?.maxFailureRatio ?? 0,
    order: config?.order ?? "STOP_FIRST",
  };
}

/** How long the update is watched after its last slot. */
export const finalWatch = ({ monitor, delay }: UpdateRules): Duration =>
  delay >= monitor ? milliseconds(delay + seconds(1)) : monitor;
