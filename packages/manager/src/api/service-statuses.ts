// How many tasks services have and want. Source: swarmkit manager/controlapi/service.go, ListServiceStatuses.
import { type ReadTransaction, services, tasks } from "@mswarm/store";
import type {
  ListServiceStatusesRequest,
  ListServiceStatusesResponse,
  ListServiceStatusesResponse_ServiceStatus,
  Task,
} from "@mswarm/wire";
import { isOfIteration } from "../objects/job-iteration.ts";
import type { ControlOperation } from "./control-parts.ts";

/** One status for each id that is asked for; zeros for services that do not exist. */
export const listServiceStatuses: ControlOperation<ListServiceStatusesRequest, ListServiceStatusesResponse> = async (
  { store },
  { services: ids = [] },
) => ({ statuses: store.view((tx) => ids.map((id) => statusOf(tx, id))) });

function statusOf(tx: ReadTransaction, serviceId: string): ListServiceStatusesResponse_ServiceStatus {
  const service = tx.get(services, serviceId);
  const isJob = service?.jobStatus !== undefined;
  const counted = tx.by(tasks, "service", serviceId).filter((task) => !isJob || isOfIteration(task, service));
  const inState = (state: Task["desiredState"]): number =>
    counted.filter((task) => task.status?.state === state).length;
  const { replicated, replicatedJob } = service?.spec ?? {};
  const perNode = service !== undefined && replicated === undefined && replicatedJob === undefined;
  return {
    serviceId,
    desiredTasks: perNode
      ? String(counted.filter(isWantedOnItsNode).length)
      : (replicated?.replicas ?? replicatedJob?.maxConcurrent ?? "0"),
    runningTasks: String(inState("RUNNING")),
    completedTasks: isJob ? String(inState("COMPLETE")) : "0",
  };
}

const isWantedOnItsNode = ({ desiredState, status }: Task): boolean =>
  desiredState === "RUNNING" || (desiredState === "COMPLETE" && status?.state !== "COMPLETE");
