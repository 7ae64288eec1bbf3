// Jobs, replicated and global: services whose tasks run to their end. Once all have, nothing is left to do until an
// update begins the next iteration. Writes: creation and `desired_state` of the tasks of jobs.
// Source: swarmkit manager/orchestrator/jobs; wire reference 7.7.
import type { Instant } from "@mswarm/runtime";
import { isChangeOf, nodes, type ReadTransaction, services, tasks } from "@mswarm/store";
import type { Service, Task } from "@mswarm/wire";
import {
  type ControlLoop,
  changesPerTransactionMax,
  nothing,
  type Outcome,
  runControlLoop,
} from "../loops/control-loop.ts";
import { isJobTask, isOfIteration } from "../objects/job-iteration.ts";
import { modeOf } from "../objects/service-mode.ts";
import { hasEnded } from "../objects/task-state.ts";
import { mattersForGlobal } from "./global.ts";
import type { NodeLookup } from "./node-fitness.ts";
import { type JobView, planGlobalJob, planJobPlace, planReplicatedJob } from "./plan-job.ts";
import { makerOf, type OrchestratorParts } from "./replicated.ts";

/** Runs until `signal` aborts. Rejects when the store does. */
export function runJobOrchestrator(parts: OrchestratorParts, signal: AbortSignal): Promise<void> {
  return runControlLoop(jobLoop(parts), parts, signal);
}

const serviceKey = (id = ""): string => `service/${id}`;
const taskKey = (id = ""): string => `task/${id}`;
const nodeKey = (id = ""): string => `node/${id}`;

function jobLoop({ random }: OrchestratorParts): ControlLoop {
  const planService = (tx: ReadTransaction, service: Service, now: Instant): Outcome => {
    const view: JobView = {
      service,
      tasks: tx.by(tasks, "service", service.id ?? ""),
      node: nodeLookup(tx),
      changesMax: changesPerTransactionMax + 1,
    };
    const maker = makerOf(tx, random);
    const changes =
      modeOf(service) === "global-job"
        ? planGlobalJob(view, [...tx.all(nodes)], now, maker)
        : planReplicatedJob(view, now, maker);
    return { changes };
  };

  const planTask = (tx: ReadTransaction, task: Task, now: Instant): Outcome => {
    const service = tx.get(services, task.serviceId ?? "");
    if (service === undefined || !isJob(service) || !isOfIteration(task, service)) return nothing;
    const isGlobal = modeOf(service) === "global-job";
    const place = isGlobal ? { nodeId: task.nodeId ?? "" } : { slot: Number(task.slot ?? 0) };
    const members = isGlobal
      ? tx.by(tasks, "node-slot", `${service.id ?? ""}/${task.nodeId ?? ""}`)
      : tx.by(tasks, "slot", `${service.id ?? ""}/${task.slot ?? "0"}`);
    const current = members.filter((member) => isOfIteration(member, service));
    return planJobPlace({ service, place, tasks: current, node: nodeLookup(tx) }, now, makerOf(tx, random));
  };

  return {
    name: "orchestrator/jobs",
    tables: [services, tasks, nodes],
    changed: (change, mark) => {
      if (isChangeOf(change, tasks)) {
        const { object, kind } = change;
        if (!isJobTask(object)) return;
        mark(taskKey(object.id));
        // A place came free: whoever waits for its turn may begin.
        if (kind === "remove" || hasEnded(object)) mark(serviceKey(object.serviceId));
      } else if (isChangeOf(change, services)) {
        if (isJob(change.object)) mark(serviceKey(change.object.id));
      } else if (isChangeOf(change, nodes) && mattersForGlobal(change.previous, change.object)) {
        mark(nodeKey(change.object.id));
      }
    },
    everything: (tx, mark) => {
      for (const service of tx.all(services)) if (isJob(service)) mark(serviceKey(service.id));
      for (const task of tx.all(tasks)) if (isJobTask(task)) mark(taskKey(task.id));
    },
    plan: (tx, key, now) => {
      const [kind, id = ""] = key.split("/");
      if (kind === "node") {
        const onNode = tx.by(tasks, "node", id).filter(isJobTask);
        const global = [...tx.all(services)].filter((service) => modeOf(service) === "global-job");
        return {
          changes: [],
          mark: [...onNode.map((task) => taskKey(task.id)), ...global.map((service) => serviceKey(service.id))],
        };
      }
      if (kind === "service") {
        const service = tx.get(services, id);
        return service === undefined || !isJob(service) ? nothing : planService(tx, service, now);
      }
      const task = tx.get(tasks, id);
      return task === undefined ? nothing : planTask(tx, task, now);
    },
  };
}

const nodeLookup =
  (tx: ReadTransaction): NodeLookup =>
  (nodeId) =>
    tx.get(nodes, nodeId);

function isJob(service: Service): boolean {
  const mode = modeOf(service);
  return mode === "replicated-job" || mode === "global-job";
}
