// Tasks, as made by the orchestrator. Source: swarmkit manager/controlapi/task.go.
import { isSwarmError, notFound } from "@mswarm/runtime";
import { nodes, type ReadTransaction, services, tasks } from "@mswarm/store";
import type {
  GetTaskRequest,
  GetTaskResponse,
  ListTasksRequest,
  ListTasksRequest_Filters,
  ListTasksResponse,
  RemoveTaskRequest,
  RemoveTaskResponse,
  Task,
} from "@mswarm/wire";
import { runtimeName, taskName } from "../objects/naming.ts";
import { taskWithoutCredentials } from "../objects/redaction.ts";
import type { ControlOperation, ControlParts } from "./control-parts.ts";
import { isAmong, meetsAll } from "./filters.ts";
import { byId, existing, incomplete } from "./stored.ts";

/** Errors: INVALID_ARGUMENT, NOT_FOUND. */
export const getTask: ControlOperation<GetTaskRequest, GetTaskResponse> = async ({ store }, { taskId = "" }) => {
  if (taskId === "") throw incomplete();
  return { task: taskWithoutCredentials(store.view((tx) => existing(tx, tasks, taskId))) };
};

export const listTasks: ControlOperation<ListTasksRequest, ListTasksResponse> = async (parts, { filters }) => ({
  tasks: parts.store.view((tx) =>
    candidates(tx, filters)
      .filter((task) => isChosen(task, filters) && (filters?.upToDate !== true || isUpToDate(tx, task, parts)))
      .sort(byId)
      .map(taskWithoutCredentials),
  ),
});

/** The smallest set that an index gives and the filters leave whole. */
function candidates(tx: ReadTransaction, filters: ListTasksRequest_Filters | undefined): Task[] {
  const { serviceIds = [], nodeIds = [] } = filters ?? {};
  if (serviceIds.length > 0) return [...new Set(serviceIds)].flatMap((id) => tx.by(tasks, "service", id));
  if (nodeIds.length > 0) return [...new Set(nodeIds)].flatMap((id) => tx.by(tasks, "node", id));
  return [...tx.all(tasks)];
}

function isChosen(task: Task, filters: ListTasksRequest_Filters | undefined): boolean {
  if (filters === undefined) return true;
  return (
    meetsAll({ id: task.id, name: taskName(task), labels: task.serviceAnnotations?.labels }, filters) &&
    isAmong(task.serviceId ?? "", filters.serviceIds) &&
    isAmong(task.nodeId ?? "", filters.nodeIds) &&
    isAmong(task.desiredState ?? "NEW", filters.desiredStates) &&
    isAmong(runtimeName(task.spec) ?? "", filters.runtimes)
  );
}

function isUpToDate(tx: ReadTransaction, task: Task, { isTaskDirty }: ControlParts): boolean {
  const service = tx.get(services, task.serviceId ?? "");
  return service !== undefined && !isTaskDirty(service, task, tx.get(nodes, task.nodeId ?? ""));
}

/** Deletes the object at once; the agent then removes what it runs. Errors: INVALID_ARGUMENT, NOT_FOUND. */
export const removeTask: ControlOperation<RemoveTaskRequest, RemoveTaskResponse> = async (
  { store },
  { taskId = "" },
) => {
  if (taskId === "") throw incomplete();
  try {
    await store.update((tx) => tx.remove(tasks, taskId));
  } catch (error) {
    throw isSwarmError(error, "NOT_FOUND") ? notFound(`task ${taskId} not found`, { cause: error }) : error;
  }
  return {};
};
