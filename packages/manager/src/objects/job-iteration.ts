// A job runs once for each iteration: its first one begins with the service, every update begins the next.
// Source: swarmkit manager/controlapi/service.go; wire reference 7.7.
import { type Instant, wireTimestamp } from "@mswarm/runtime";
import type { JobStatus, Service, Task } from "@mswarm/wire";

/** Number of the iteration that the service is in; undefined when it is no job. */
export const iterationOf = (service: Service): string | undefined =>
  service.jobStatus === undefined ? undefined : (service.jobStatus.jobIteration?.index ?? "0");

/** True when the task was made for a job. */
export const isJobTask = (task: Task): boolean => task.jobIteration !== undefined;

/** True when the task was made in the iteration that the service is in. */
export const isOfIteration = (task: Task, service: Service): boolean =>
  task.jobIteration !== undefined && (task.jobIteration.index ?? "0") === (iterationOf(service) ?? "0");

/** The status of a job that begins now. Go peers expect the message `job_iteration` also when its number is 0. */
export const firstIteration = (now: Instant): JobStatus => ({ jobIteration: {}, lastExecution: wireTimestamp(now) });

/** The service in its next iteration; unchanged when it is no job. */
export function inNextIteration(service: Service, now: Instant): Service {
  const current = iterationOf(service);
  if (current === undefined) return service;
  const jobIteration = { index: String(BigInt(current) + 1n) };
  return { ...service, jobStatus: { jobIteration, lastExecution: wireTimestamp(now) } };
}
