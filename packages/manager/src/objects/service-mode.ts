// What kind of service it is, decided by which member of the oneof is present.
import type { Service, Task } from "@mswarm/wire";

export type ServiceMode = "replicated" | "global" | "replicated-job" | "global-job";

/** Undefined for a service of a mode that this version does not know. */
export function modeOf(service: Service): ServiceMode | undefined {
  const { spec } = service;
  if (spec?.replicated !== undefined) return "replicated";
  if (spec?.global !== undefined) return "global";
  if (spec?.replicatedJob !== undefined) return "replicated-job";
  if (spec?.globalJob !== undefined) return "global-job";
  return undefined;
}

/** How many slots a replicated service wants. */
export const replicasOf = (service: Service): number => Number(service.spec?.replicated?.replicas ?? 0);

export const slotOf = (task: Task): number => Number(task.slot ?? 0);

/** Version of the spec that a service has, or that a task was made from; "0" for a service that was never updated. */
export const specVersionOf = (object: Service | Task): string => object.specVersion?.index ?? "0";
