// Gives waiting tasks a node. Decides as soon as there is something to decide: changes that arrive while a decision is
// being committed are taken together, so that a burst needs few rounds and a single task no wait.
// Differs: SwarmKit waits for 50 ms without a change, at most for a second.
// Writes: `node_id`, `assigned_generic_resources`, status ASSIGNED, `status.err` of PENDING tasks, and status SHUTDOWN of
// tasks of an old spec that never found a node.
import {
  type Clock,
  type Instant,
  isSwarmError,
  type Logger,
  milliseconds,
  Wakeup,
  wireTimestamp,
} from "@mswarm/runtime";
import { nodes, type ReadTransaction, type Store, services, tasks, type WriteTransaction } from "@mswarm/store";
import type { Service, Task } from "@mswarm/wire";
import { isActive } from "../objects/task-state.ts";
import { ClusterView } from "./cluster-view.ts";
import { takesNewTasks } from "./filters/ready.ts";
import { type Decision, decide, isStillWaiting } from "./placement.ts";

export interface SchedulerParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Pause after a transaction that was refused. */
const retryDelay = milliseconds(100);

/** Runs until `signal` aborts. Rejects when the store does. */
export async function runScheduler({ store, clock, log }: SchedulerParts, signal: AbortSignal): Promise<void> {
  const wakeup = new Wakeup();
  let view = store.view((tx) => ClusterView.of(tx));
  const tasksOn = (nodeId: string): readonly Task[] => store.view((tx) => tx.by(tasks, "node", nodeId));
  const unwatch = store.watch(
    (changes) => {
      for (const change of changes) view.apply(change, tasksOn, clock.now());
      if (view.hasWork) wakeup.notify();
    },
    [nodes, tasks],
  );
  try {
    for (;;) {
      while (!view.hasWork) await wakeup.wait(signal);
      signal.throwIfAborted();
      const decisions = decide(view, view.takeWork(), clock.now());
      try {
        await commit(decisions, view, { store, clock });
      } catch (error) {
        if (!isSwarmError(error, "UNKNOWN")) throw error;
        log.warn({ err: error }, "placements were refused by the store and will be decided again");
        await clock.sleep(retryDelay, signal);
        view = store.view((tx) => ClusterView.of(tx));
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    unwatch();
  }
}

async function commit(
  decisions: readonly Decision[],
  view: ClusterView,
  { store, clock }: Pick<SchedulerParts, "store" | "clock">,
): Promise<void> {
  const dropped: string[] = [];
  await store.batch(withNews(decisions, store), (tx, decision) => {
    if (!write(tx, decision, clock.now())) dropped.push(decision.taskId);
  });
  // The picture holds the places of dropped decisions as taken.
  store.view((tx) => {
    for (const taskId of dropped) {
      const task = tx.get(tasks, taskId);
      if (task === undefined) view.removeTask(taskId);
      else view.setTask(task);
    }
  });
}

/** Without explanations that the tasks carry already, so that a task that waits for long is not written again and again. */
const withNews = (decisions: readonly Decision[], store: Store): readonly Decision[] =>
  store.view((tx) => {
    const isNews = (decision: Decision): boolean => {
      if (decision.kind === "place") return true;
      const task = tx.get(tasks, decision.taskId);
      return task !== undefined && (task.status?.err !== decision.err || isOutdated(task, serviceOf(tx, task)));
    };
    return decisions.filter(isNews);
  });

/** Carries out one decision; false when the state has changed so that it does not fit any more. */
function write(tx: WriteTransaction, decision: Decision, now: Instant): boolean {
  const task = tx.get(tasks, decision.taskId);
  if (task === undefined || !isActive(task)) return false;
  const timestamp = wireTimestamp(now);
  const { err: _solved, ...status } = task.status ?? {};
  if (decision.kind === "explain") {
    if (!isStillWaiting(task, task.nodeId ?? "")) return false;
    const isOld = (task.nodeId ?? "") === "" && isOutdated(task, serviceOf(tx, task));
    tx.update(tasks, {
      ...task,
      status: isOld ? { ...status, state: "SHUTDOWN", timestamp } : { ...status, timestamp, err: decision.err },
    });
    return true;
  }
  const node = tx.get(nodes, decision.nodeId);
  if (node === undefined || !takesNewTasks(node) || !isStillWaiting(task, decision.nodeId)) return false;
  tx.update(tasks, {
    ...task,
    nodeId: decision.nodeId,
    ...(decision.generic.length === 0 ? {} : { assignedGenericResources: [...decision.generic] }),
    status: { ...status, state: "ASSIGNED", timestamp, message: decision.message },
  });
  return true;
}

const serviceOf = (tx: ReadTransaction, task: Task): Service | undefined => tx.get(services, task.serviceId ?? "");

/** The service has a newer spec than the task: instead of waiting for a place, the task makes way for its successor. */
const isOutdated = (task: Task, service: Service | undefined): boolean =>
  task.specVersion !== undefined &&
  service?.specVersion !== undefined &&
  Number(service.specVersion.index ?? 0) > Number(task.specVersion.index ?? 0);
