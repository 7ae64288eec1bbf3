// How a task's container is named and labelled: what outside tools (and we ourselves after a restart) know it by.
import type { Task } from "@mswarm/wire";

export const taskIdLabel = "com.docker.swarm.task.id";
export const nodeIdLabel = "com.docker.swarm.node.id";

/**
 * Name of the task and of its container. Global tasks have no slot and are named after their node.
 * Source: swarmkit api/naming/naming.go, Task.
 */
export function taskName(task: Task): string {
  const given = task.annotations?.name ?? "";
  if (given !== "") return given;
  const slot = task.slot ?? "0";
  return [task.serviceAnnotations?.name ?? "", slot === "0" ? (task.nodeId ?? "") : slot, task.id ?? ""].join(".");
}

/**
 * Labels of the container. The system's win over those of the specification, and the daemon's own over all.
 * Source: wire reference 6.9.
 */
export function taskLabels(
  task: Task,
  nodeId: string,
  extraLabels: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return {
    ...task.spec?.container?.labels,
    ...task.annotations?.labels,
    "com.docker.swarm.task": "",
    [taskIdLabel]: task.id ?? "",
    "com.docker.swarm.task.name": taskName(task),
    [nodeIdLabel]: nodeId,
    "com.docker.swarm.service.id": task.serviceId ?? "",
    "com.docker.swarm.service.name": task.serviceAnnotations?.name ?? "",
    ...extraLabels,
  };
}
