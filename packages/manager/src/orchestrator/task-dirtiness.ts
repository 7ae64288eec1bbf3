// Whether a task still is what its service asks for.
import type { Node, Service, ServiceSpec, Task } from "@mswarm/wire";
import { nodeMatches, readConstraints } from "../objects/constraints.ts";
import { specVersionOf } from "../objects/service-mode.ts";
import { hasEnded, hasReached, isWanted } from "../objects/task-state.ts";
import { sameSpec } from "./spec-equality.ts";

/** How the spec of a task differs from that of its service. */
export type SpecDifference = "none" | "placement" | "pull-options" | "essential";

/** Compares what a task was made from with what a task would be made from now. */
export function specDifference(service: Service, task: Task): SpecDifference {
  if (service.specVersion !== undefined && specVersionOf(service) === specVersionOf(task)) return "none";
  const wanted = service.spec?.task ?? {};
  const actual = task.spec ?? {};
  if (task.endpoint !== undefined && !sameSpec(service.spec?.endpoint, task.endpoint.spec)) return "essential";
  if (sameSpec(wanted, actual)) return "none";
  if (sameSpec({ ...wanted, placement: undefined }, { ...actual, placement: undefined })) return "placement";
  const { container } = wanted;
  const pulled = { ...wanted, container: { ...container, pullOptions: actual.container?.pullOptions } };
  return container !== undefined && sameSpec(pulled, actual) ? "pull-options" : "essential";
}

/**
 * True when the task has to be replaced by an update. A changed placement does not matter while the node of the task
 * satisfies it; changed pull options do not matter once the image is there.
 * Source: swarmkit manager/orchestrator/task.go, IsTaskDirty.
 */
export function isDirty(difference: SpecDifference, service: Service, task: Task, node: Node | undefined): boolean {
  switch (difference) {
    case "none":
      return false;
    case "placement":
      return node === undefined || !nodeMatches(readConstraints(service.spec?.task?.placement?.constraints), node);
    case "pull-options":
      return !(isWanted(task) && hasReached(task, "READY") && !hasEnded(task));
    case "essential":
      return true;
  }
}

/**
 * Remembers the difference for each spec version, because comparing two specs costs more than everything else in an
 * update of thousands of tasks.
 */
export class DirtyTasks {
  readonly #differences = new WeakMap<ServiceSpec, Map<string, SpecDifference>>();

  /** `node` is the one that the task is on; undefined when there is none. */
  has(service: Service, task: Task, node: Node | undefined): boolean {
    return isDirty(this.#difference(service, task), service, task, node);
  }

  #difference(service: Service, task: Task): SpecDifference {
    if (service.spec === undefined) return specDifference(service, task);
    const known = this.#differences.get(service.spec) ?? new Map<string, SpecDifference>();
    this.#differences.set(service.spec, known);
    // The verdict also depends on the versions: a spec that came back by a rollback is the same object.
    const key = `${specVersionOf(service)} ${specVersionOf(task)}`;
    const difference = known.get(key) ?? specDifference(service, task);
    known.set(key, difference);
    return difference;
  }
}
