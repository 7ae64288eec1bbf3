// The moves of a service's update status. Texts are those of SwarmKit (manager/orchestrator/update/updater.go).
import { type Instant, wireTimestamp } from "@mswarm/runtime";
import type { Service } from "@mswarm/wire";
import { isRollback } from "./update-config.ts";

/** UPDATING, unless an update or a rollback is already recorded. */
export function begun(service: Service, now: Instant): Service {
  if (service.updateStatus !== undefined) return service;
  return {
    ...service,
    updateStatus: { state: "UPDATING", message: "update in progress", startedAt: wireTimestamp(now) },
  };
}

export function completed(service: Service, now: Instant): Service {
  const outcome = isRollback(service)
    ? ({ state: "ROLLBACK_COMPLETED", message: "rollback completed" } as const)
    : ({ state: "COMPLETED", message: "update completed" } as const);
  return { ...service, updateStatus: { ...service.updateStatus, ...outcome, completedAt: wireTimestamp(now) } };
}

export function paused(service: Service, reason: "update" | "rollback", taskId: string): Service {
  const state = isRollback(service) ? "ROLLBACK_PAUSED" : "PAUSED";
  const message = `${reason} paused due to failure or early termination of task ${taskId}`;
  return { ...service, updateStatus: { ...service.updateStatus, state, message } };
}

/** Back to the previous spec, which is given up, so that a rollback is never rolled back. Undefined without one. */
export function rolledBack(service: Service, taskId: string): Service | undefined {
  const { previousSpec, previousSpecVersion, specVersion: _replaced, ...rest } = service;
  if (previousSpec === undefined) return undefined;
  return {
    ...rest,
    spec: previousSpec,
    ...(previousSpecVersion === undefined ? {} : { specVersion: previousSpecVersion }),
    updateStatus: {
      ...service.updateStatus,
      state: "ROLLBACK_STARTED",
      message: `update rolled back due to failure or early termination of task ${taskId}`,
    },
  };
}

export const isPaused = ({ updateStatus }: Service): boolean =>
  updateStatus?.state === "PAUSED" || updateStatus?.state === "ROLLBACK_PAUSED";

export const isUnderWay = ({ updateStatus }: Service): boolean =>
  updateStatus?.state === "UPDATING" || updateStatus?.state === "ROLLBACK_STARTED";
