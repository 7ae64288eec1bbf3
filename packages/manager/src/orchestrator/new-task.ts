import { type Instant, newId, type Random, wireTimestamp } from "@mswarm/runtime";
import type { Cluster, Service, Task, TaskState } from "@mswarm/wire";

/** What tasks are made with. */
export interface TaskMaker {
  readonly random: Random;
  /** For the cluster's default log driver; undefined when there is none. */
  readonly cluster: Cluster | undefined;
}

/** Where a task belongs: a slot of a replicated service, or a node of a global one. */
export type TaskPlace = { readonly slot: number } | { readonly nodeId: string };

/** A task of `service` as it enters the store. Source: wire reference 7.2; swarmkit manager/orchestrator/task.go, NewTask. */
export function newTask(
  service: Service,
  place: TaskPlace,
  desiredState: TaskState,
  now: Instant,
  { random, cluster }: TaskMaker,
): Task {
  const logDriver = service.spec?.task?.logDriver ?? cluster?.spec?.taskDefaults?.logDriver;
  return {
    id: newId(random),
    annotations: {},
    serviceAnnotations: service.spec?.annotations ?? {},
    spec: service.spec?.task ?? {},
    serviceId: service.id ?? "",
    ...("slot" in place ? { slot: String(place.slot) } : { nodeId: place.nodeId }),
    status: { state: "NEW", timestamp: wireTimestamp(now), message: "created" },
    endpoint: service.spec?.endpoint === undefined ? {} : { spec: service.spec.endpoint },
    desiredState,
    ...(service.specVersion === undefined ? {} : { specVersion: service.specVersion }),
    ...(logDriver === undefined ? {} : { logDriver }),
    ...(service.jobStatus === undefined ? {} : { jobIteration: service.jobStatus.jobIteration ?? {} }),
  };
}
