import type { Control } from "../cli-context.ts";
import { shortId, taskName } from "../output/task-names.ts";
import type { LogTarget } from "./log-target.ts";

/** A sentence for each task whose logs cannot come, because its node does not answer. */
export async function missingLogs(control: Control, target: LogTarget): Promise<readonly string[]> {
  const [{ tasks = [] }, { nodes = [] }, { services = [] }] = await Promise.all([
    control.ListTasks({ filters: target.filters }),
    control.ListNodes({}),
    control.ListServices({}),
  ]);
  return tasks.flatMap((task) => {
    const node = nodes.find(({ id }) => id === task.nodeId);
    const state = node?.status?.state ?? "UNKNOWN";
    // A task that never had a container has no logs that could be missing.
    if (node === undefined || state === "READY" || task.status?.container === undefined) return [];
    const service = services.find(({ id }) => id === task.serviceId)?.spec?.annotations?.name;
    const name = `${taskName(task, service)}.${shortId(task.id)}`;
    return [`logs of ${name} are missing: node ${node.description?.hostname ?? node.id} is ${state.toLowerCase()}`];
  });
}
