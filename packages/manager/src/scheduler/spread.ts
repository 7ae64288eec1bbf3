// Where the next task of a service goes: the branch of the placement preferences with the fewest of its tasks, and
// there the node with the fewest. Source: swarmkit manager/scheduler (scheduler.go, decision_tree.go); wire 7.9.
import type { Instant } from "@mswarm/runtime";
import type { PlacementPreference, Task } from "@mswarm/wire";
import { labelOf } from "../objects/constraints.ts";
import { specVersionOf } from "../objects/service-mode.ts";
import { Heap } from "./heap.ts";
import type { NodeInfo } from "./node-info.ts";

/** Names a service and the version of its spec, for counting failures. */
export const failureKeyOf = (task: Task): string => `${task.serviceId ?? ""}/${specVersionOf(task)}`;

export class Spread {
  readonly #serviceId: string;
  readonly #levels: readonly string[];
  readonly #root: Branch;

  /** @param sample  one of the tasks of the group that will be placed */
  constructor(sample: Task, now: Instant) {
    this.#serviceId = sample.serviceId ?? "";
    this.#levels = (sample.spec?.placement?.preferences ?? []).map(descriptorOf).filter(isLabel);
    this.#root = new Branch(preference(sample, now));
  }

  /** Adds a node; one that cannot take a task still counts in its branch. */
  add(node: NodeInfo, isCandidate: boolean): void {
    this.#root.add(node, this.#path(node), node.activeTasks(this.#serviceId), isCandidate);
  }

  /** Takes out the best node; undefined when none is left. Give it back by `giveBack` when it can take another. */
  take(): NodeInfo | undefined {
    return this.#root.take();
  }

  giveBack(node: NodeInfo): void {
    this.#root.giveBack(node, this.#path(node));
  }

  #path(node: NodeInfo): readonly string[] {
    return this.#levels.map((descriptor) => labelOf(descriptor, node.node) ?? "");
  }
}

/** One value of a label, such as one zone; a leaf holds nodes. */
class Branch {
  readonly #children = new Map<string, Branch>();
  readonly #compare: (left: NodeInfo, right: NodeInfo) => number;
  readonly #nodes: Heap<NodeInfo>;
  #tasks = 0;

  constructor(compare: (left: NodeInfo, right: NodeInfo) => number) {
    this.#compare = compare;
    this.#nodes = new Heap(compare);
  }

  add(node: NodeInfo, path: readonly string[], tasks: number, isCandidate: boolean): void {
    this.#tasks += tasks;
    const [value, ...rest] = path;
    if (value === undefined) {
      if (isCandidate) this.#nodes.push(node);
      return;
    }
    this.#child(value).add(node, rest, tasks, isCandidate);
  }

  take(): NodeInfo | undefined {
    let node = this.#nodes.pop();
    if (node === undefined) {
      const order = [...this.#children.values()].sort((left, right) => left.#tasks - right.#tasks);
      for (const child of order) {
        node = child.take();
        if (node !== undefined) break;
      }
    }
    if (node !== undefined) this.#tasks += 1;
    return node;
  }

  giveBack(node: NodeInfo, path: readonly string[]): void {
    const [value, ...rest] = path;
    if (value === undefined) this.#nodes.push(node);
    else this.#child(value).giveBack(node, rest);
  }

  #child(value: string): Branch {
    const child = this.#children.get(value) ?? new Branch(this.#compare);
    this.#children.set(value, child);
    return child;
  }
}

/** Which of two nodes comes first: not failing, then fewer tasks of the service, then fewer in total. */
function preference(sample: Task, now: Instant): (left: NodeInfo, right: NodeInfo) => number {
  const serviceId = sample.serviceId ?? "";
  const version = failureKeyOf(sample);
  return (left, right) =>
    Number(left.failsTooOften(version, now)) - Number(right.failsTooOften(version, now)) ||
    left.activeTasks(serviceId) - right.activeTasks(serviceId) ||
    left.activeTasks() - right.activeTasks() ||
    (left.id < right.id ? -1 : left.id > right.id ? 1 : 0);
}

const descriptorOf = (each: PlacementPreference): string => each.spread?.spreadDescriptor ?? "";
const isLabel = (descriptor: string): boolean => /^(node|engine)\.labels\../i.test(descriptor);
