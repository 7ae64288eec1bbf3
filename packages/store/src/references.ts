// Which other objects a service or task names in its spec.
import type { ResourceType, Service, ServiceSpec, Task, TaskSpec } from "@mswarm/wire";

const none: readonly string[] = [];

function distinct(ids: readonly (string | undefined)[]): readonly string[] {
  if (ids.length === 0) return none;
  return [...new Set(ids.filter((id): id is string => id !== undefined && id !== ""))];
}

function referenced(spec: TaskSpec | undefined, kind: ResourceType): readonly (string | undefined)[] {
  return (spec?.resourceReferences ?? [])
    .filter((reference) => (reference.resourceType ?? "TASK") === kind)
    .map((reference) => reference.resourceId);
}

/** Secrets that a task with this spec receives. */
export function secretsOf(spec: TaskSpec | undefined): readonly string[] {
  const named = (spec?.container?.secrets ?? []).map((reference) => reference.secretId);
  return distinct([...named, ...referenced(spec, "SECRET")]);
}

/** Configs that a task with this spec receives. */
export function configsOf(spec: TaskSpec | undefined): readonly string[] {
  const named = (spec?.container?.configs ?? []).map((reference) => reference.configId);
  return distinct([...named, ...referenced(spec, "CONFIG")]);
}

/** Networks of a service: those of its task spec, or the deprecated list of the service where that is empty. */
export function networksOf(spec: ServiceSpec | undefined): readonly string[] {
  const ofTask = spec?.task?.networks ?? [];
  return distinct((ofTask.length > 0 ? ofTask : (spec?.networks ?? [])).map((network) => network.target));
}

/** Networks that a task is attached to, or will be. */
export function networksOfTask(task: Task): readonly string[] {
  return distinct([
    ...(task.spec?.networks ?? []).map((network) => network.target),
    ...(task.networks ?? []).map((attachment) => attachment.network?.id),
  ]);
}

export const secretsOfService = (service: Service): readonly string[] => secretsOf(service.spec?.task);
export const configsOfService = (service: Service): readonly string[] => configsOf(service.spec?.task);
