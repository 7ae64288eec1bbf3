// `mswarm explain`: why do the tasks of a service not run, and what would help. Reads only; for people, so a request may
// look at the whole cluster.
import { durationOf, invalidArgument, seconds } from "@mswarm/runtime";
import { nodes, type ReadTransaction, type Store, services, tasks } from "@mswarm/store";
import type { mswarm, Service, Task } from "@mswarm/wire";
import { modeOf, replicasOf, slotOf } from "../objects/service-mode.ts";
import { desiredOf, hasEnded, isActive, stateOf } from "../objects/task-state.ts";
import { byAge } from "../objects/task-time.ts";
import { existing } from "./stored.ts";

type TaskExplanation = mswarm.TaskExplanation;

/** Answered by the scheduler: what every filter says about every node that the task could go to. */
export type ExplainPlacement = (
  tx: ReadTransaction,
  task: Task,
) => { readonly nodes: readonly mswarm.NodeExplanation[]; readonly remedies: readonly string[] };

export interface ExplainParts {
  readonly store: Store;
  readonly explainPlacement: ExplainPlacement;
}

/**
 * Explains one service, or one task. Tasks that wait for the same reasons are explained together.
 * Errors: INVALID_ARGUMENT unless exactly one id is given, NOT_FOUND.
 */
export async function explain(
  { store, explainPlacement }: ExplainParts,
  { serviceId = "", taskId = "" }: mswarm.ExplainRequest,
): Promise<mswarm.ExplainResponse> {
  if ((serviceId === "") === (taskId === "")) throw invalidArgument("name a service or a task to explain");
  return store.view((tx) => {
    if (taskId !== "") return { tasks: [explanationOf(tx, [existing(tx, tasks, taskId)], explainPlacement)] };
    return explainService(tx, existing(tx, services, serviceId), explainPlacement);
  });
}

function explainService(tx: ReadTransaction, service: Service, placement: ExplainPlacement): mswarm.ExplainResponse {
  const all = [...tx.by(tasks, "service", service.id ?? "")].sort(byAge);
  const waiting = all.filter((task) => isActive(task) && !["RUNNING", "COMPLETE"].includes(stateOf(task)));
  const givenUp = lastOfTheirPlace(all).filter((task) => !isActive(task) && hasEnded(task) && hasFailed(task));
  const groups = new Map<string, Task[]>();
  for (const task of [...waiting, ...givenUp]) {
    const key = groupKeyOf(task);
    groups.set(key, [...(groups.get(key) ?? []), task]);
  }
  const explained = [...groups.values()].map((group) => explanationOf(tx, group, placement));
  const unplaced = unplacedOf(tx, service, all, placement);
  return {
    summary: summaryOf(service, all, waiting.length),
    tasks: [...explained, ...(unplaced === undefined ? [] : [unplaced])],
  };
}

const hasFailed = (task: Task): boolean => ["FAILED", "REJECTED", "ORPHANED"].includes(stateOf(task));

/** The newest task of each slot, or of each node where the service has one per node. */
function lastOfTheirPlace(ordered: readonly Task[]): readonly Task[] {
  const places = new Map(ordered.map((task) => [`${task.slot ?? "0"}/${isOnePerNode(task) ? task.nodeId : ""}`, task]));
  return [...places.values()];
}

const isOnePerNode = ({ slot = "0" }: Task): boolean => slot === "0";

/** Tasks of one spec that wait in the same way have the same explanation. */
const groupKeyOf = (task: Task): string =>
  JSON.stringify([
    stateOf(task),
    desiredOf(task),
    task.status?.err ?? "",
    task.specVersion?.index ?? "0",
    task.nodeId ?? "",
  ]);

function summaryOf(service: Service, all: readonly Task[], waiting: number): string {
  const { state, message = "" } = service.updateStatus ?? {};
  if (state === "PAUSED" || state === "ROLLBACK_PAUSED") {
    return `${message}: nothing is replaced until the service is updated or rolled back`;
  }
  const mode = modeOf(service);
  if (mode === "replicated" && replicasOf(service) === 0) return "the service wants no tasks: it has 0 replicas";
  const running = all.filter((task) => isActive(task) && stateOf(task) === "RUNNING").length;
  const wanted = mode === "replicated" ? `${replicasOf(service)} wanted ` : "";
  return `${running} of its ${wanted}tasks run, ${waiting} wait`;
}

function explanationOf(tx: ReadTransaction, group: readonly Task[], placement: ExplainPlacement): TaskExplanation {
  const [task = {}] = group;
  const bySlot = group.toSorted((left, right) => slotOf(left) - slotOf(right));
  const waitsForNode = isActive(task) && stateOf(task) === "PENDING";
  const { nodes: asked, remedies } = waitsForNode ? placement(tx, task) : { nodes: [], remedies: [] };
  return {
    taskIds: bySlot.map(({ id = "" }) => id),
    names: bySlot.map(nameOf),
    state: stateOf(task).toLowerCase(),
    desiredState: desiredOf(task).toLowerCase(),
    reason: reasonOf(tx, task),
    nodes: [...asked],
    remedies: [...remedies],
  };
}

function nameOf(task: Task): string {
  const service = task.serviceAnnotations?.name ?? task.serviceId ?? "";
  return isOnePerNode(task) && (task.nodeId ?? "") !== ""
    ? `${service}.${task.nodeId}`
    : `${service}.${task.slot ?? "0"}`;
}

function reasonOf(tx: ReadTransaction, task: Task): string {
  const state = stateOf(task);
  const error = task.status?.err ?? "";
  const node = tx.get(nodes, task.nodeId ?? "")?.description?.hostname ?? task.nodeId ?? "";
  if (hasEnded(task)) return endOf(task, error);
  if (!isActive(task)) return `it was told to stop and is ${state.toLowerCase()} on ${node === "" ? "no node" : node}`;
  switch (state) {
    case "NEW":
      return error === "" ? "it waits for its networks" : error;
    case "PENDING":
      return error === "" ? "the scheduler has not looked at it yet" : error;
    case "RUNNING":
      return `it runs on ${node}`;
    default:
      return desiredOf(task) === "READY" && state === "READY"
        ? `it is ready on ${node} and waits for the restart delay, or for the task before it to stop`
        : `${node} is working on it${error === "" ? "" : `: ${error}`}`;
  }
}

function endOf(task: Task, error: string): string {
  const ended = `it ended as ${stateOf(task).toLowerCase()}${error === "" ? "" : `: ${error}`}`;
  if (isActive(task)) return `${ended}; its successor starts after the restart delay`;
  const { condition = "NONE", maxAttempts = "0" } = task.spec?.restart ?? { condition: "ANY" };
  if (condition === "NONE") return `${ended}; the restart condition is none`;
  if (maxAttempts === "0") return ended;
  const window = durationOf(task.spec?.restart?.window, seconds(0));
  return `${ended}; the ${maxAttempts} restarts it may have${window > 0 ? " within the restart window" : ""} are used up`;
}

/** Nodes on which a service of one task per node has none, because of the node: down, not active, constraints. */
function unplacedOf(
  tx: ReadTransaction,
  service: Service,
  all: readonly Task[],
  placement: ExplainPlacement,
): TaskExplanation | undefined {
  const mode = modeOf(service);
  if (mode !== "global" && mode !== "global-job") return undefined;
  const served = new Set(all.filter(isActive).map(({ nodeId = "" }) => nodeId));
  const { annotations = {}, task: spec = {} } = service.spec ?? {};
  const sample: Task = { serviceId: service.id ?? "", serviceAnnotations: annotations, spec };
  const { nodes: asked } = placement(tx, sample);
  const without = asked.filter(({ nodeId = "", verdicts = [] }) => !served.has(nodeId) && verdicts.some(isRefusal));
  if (without.length === 0) return undefined;
  return {
    names: [annotations.name ?? ""],
    state: "new",
    desiredState: "running",
    reason: `${without.length === 1 ? "a node has" : `${without.length} nodes have`} no task of it`,
    nodes: without,
  };
}

const isRefusal = ({ outcome }: mswarm.FilterVerdict): boolean => outcome === "REFUSED";
