// The scheduler's picture of the cluster, kept up to date change by change: no event costs work in proportion to the
// cluster. Placements that are not committed yet are in it too.
import type { Instant } from "@mswarm/runtime";
import { type Change, isChangeOf, nodes, type ReadTransaction, tasks } from "@mswarm/store";
import type { Node, Task } from "@mswarm/wire";
import { isActive, occupiesNode, stateOf } from "../objects/task-state.ts";
import { NodeInfo } from "./node-info.ts";
import { failureKeyOf } from "./spread.ts";

/** Equal tasks that are placed together: those of one service and spec version. */
export interface TaskGroup {
  readonly key: string;
  readonly tasks: ReadonlyMap<string, Task>;
}

export class ClusterView {
  readonly #nodes = new Map<string, NodeInfo>();
  /** Node on which a task is counted. */
  readonly #places = new Map<string, string>();
  readonly #groups = new Map<string, Map<string, Task>>();
  /** Waiting tasks whose node was chosen by the orchestrator, by node. */
  readonly #preassigned = new Map<string, Map<string, Task>>();
  readonly #waiting = new Map<string, Task>();
  /** Groups with new tasks. */
  #fresh = new Set<string>();
  /** Nodes that can have become able to take more. */
  #released = new Set<string>();
  #nodesChanged = false;

  static of(tx: ReadTransaction): ClusterView {
    const view = new ClusterView();
    for (const node of tx.all(nodes)) view.setNode(node);
    for (const task of tx.all(tasks)) view.setTask(task);
    return view;
  }

  get nodes(): Iterable<NodeInfo> {
    return this.#nodes.values();
  }

  node(nodeId: string): NodeInfo | undefined {
    return this.#nodes.get(nodeId);
  }

  /** @param tasksOn  looks up the tasks of a node that was not known before */
  apply(change: Change, tasksOn: (nodeId: string) => readonly Task[], now: Instant): void {
    if (isChangeOf(change, tasks)) {
      const { kind, object, previous } = change;
      if (kind === "remove") this.removeTask(object.id ?? "");
      else this.setTask(object);
      if (hasJustFailed(object, previous)) {
        this.node(object.nodeId ?? "")?.recordFailure(failureKeyOf(object), now);
      }
    } else if (isChangeOf(change, nodes)) {
      const { kind, object } = change;
      const id = object.id ?? "";
      const isNew = !this.#nodes.has(id);
      if (kind === "remove") this.#nodes.delete(id);
      else this.setNode(object);
      if (kind !== "remove" && isNew) for (const task of tasksOn(id)) this.setTask(task);
      this.#nodesChanged = true;
    }
  }

  setNode(node: Node): void {
    const id = node.id ?? "";
    const known = this.#nodes.get(id);
    if (known === undefined) this.#nodes.set(id, new NodeInfo(node));
    else known.replaceNode(node);
    this.#released.add(id);
    this.#nodesChanged = true;
  }

  /** Counts the task where it is, or lets it wait for a place. Repeating it changes nothing. */
  setTask(task: Task): void {
    const id = task.id ?? "";
    const isNew = !this.#waiting.has(id);
    this.#forgetWaiting(id);
    const before = this.#places.get(id);
    const place = occupiesNode(task) ? (task.nodeId ?? "") : undefined;
    if (before !== undefined) {
      this.#nodes.get(before)?.removeTask(id);
      // It gave something back: its place, or its turn in the spread.
      if (place !== before || !isActive(task)) this.#released.add(before);
    }
    if (place === undefined) {
      this.#places.delete(id);
    } else {
      this.#places.set(id, place);
      this.#nodes.get(place)?.addTask(task);
    }
    if (stateOf(task) === "PENDING" && isActive(task)) this.#wait(id, task, isNew);
  }

  removeTask(id: string): void {
    this.#forgetWaiting(id);
    const place = this.#places.get(id);
    this.#places.delete(id);
    if (place === undefined) return;
    this.#nodes.get(place)?.removeTask(id);
    this.#released.add(place);
  }

  /** True when `takeWork` has something to offer. */
  get hasWork(): boolean {
    return this.#waiting.size > 0 && (this.#fresh.size > 0 || this.#released.size > 0 || this.#nodesChanged);
  }

  /** What can be tried now, and forgets that it can. */
  takeWork(): Work {
    const work = { fresh: this.#fresh, released: this.#released, nodesChanged: this.#nodesChanged };
    this.#fresh = new Set();
    this.#released = new Set();
    this.#nodesChanged = false;
    return work;
  }

  /** Groups of tasks without a node, in the order in which they came. */
  get groups(): readonly TaskGroup[] {
    return [...this.#groups].map(([key, members]) => ({ key, tasks: members }));
  }

  /** Waiting tasks that may run on one node only. */
  get preassigned(): readonly Task[] {
    return [...this.#preassigned.values()].flatMap((members) => [...members.values()]);
  }

  #wait(id: string, task: Task, isNew: boolean): void {
    const nodeId = task.nodeId ?? "";
    const key = nodeId === "" ? groupKeyOf(task) : nodeId;
    const all = nodeId === "" ? this.#groups : this.#preassigned;
    const members = all.get(key) ?? new Map<string, Task>();
    all.set(key, members);
    if (isNew) this.#fresh.add(key);
    members.set(id, task);
    this.#waiting.set(id, task);
  }

  #forgetWaiting(id: string): void {
    const task = this.#waiting.get(id);
    if (task === undefined) return;
    this.#waiting.delete(id);
    const nodeId = task.nodeId ?? "";
    const key = nodeId === "" ? groupKeyOf(task) : nodeId;
    const all = nodeId === "" ? this.#groups : this.#preassigned;
    const members = all.get(key);
    members?.delete(id);
    if (members?.size === 0) all.delete(key);
  }
}

export interface Work {
  /** Keys of groups, and ids of nodes with preassigned tasks, that have new tasks. */
  readonly fresh: ReadonlySet<string>;
  readonly released: ReadonlySet<string>;
  /** A node came, went, or is described differently: every waiting task is worth a try. */
  readonly nodesChanged: boolean;
}

/** Source: swarmkit manager/scheduler/scheduler.go, tick: tasks without spec version are placed one by one. */
const groupKeyOf = (task: Task): string =>
  (task.serviceId ?? "") === "" || task.specVersion === undefined ? `task/${task.id ?? ""}` : failureKeyOf(task);

function hasJustFailed(task: Task, previous: Task | undefined): boolean {
  const state = stateOf(task);
  return previous !== undefined && (state === "FAILED" || state === "REJECTED") && stateOf(previous) !== state;
}
