// Plain objects for the tests of the planners.
import { type Instant, wireTimestamp } from "@mswarm/runtime";
import { SeededRandom } from "@mswarm/runtime/simulated";
import type { Node, RestartPolicy, Service, Task, TaskState } from "@mswarm/wire";
import type { TaskMaker } from "../new-task.ts";

/** An instant so many seconds after the beginning of the test. */
export const at = (seconds: number): Instant => (1_767_225_600_000 + seconds * 1_000) as Instant;

export const maker = (): TaskMaker => ({ random: new SeededRandom(1), cluster: undefined });

export interface TaskFacts {
  readonly state?: TaskState;
  readonly desired?: TaskState;
  /** Seconds of `at`. */
  readonly created?: number;
  /** When it reached its state; its creation where absent. */
  readonly since?: number;
  readonly slot?: number;
  readonly nodeId?: string;
  readonly version?: number;
  readonly image?: string;
  readonly restart?: RestartPolicy;
}

export function taskOf(id: string, facts: TaskFacts = {}): Task {
  const { state = "RUNNING", desired = "RUNNING", created = 0, since = created, slot = 1, version = 0 } = facts;
  return {
    id,
    serviceId: "web",
    slot: String(slot),
    nodeId: facts.nodeId ?? (["NEW", "PENDING"].includes(state) ? "" : "node1"),
    meta: { version: { index: "1" }, createdAt: wireTimestamp(at(created)) },
    spec: {
      container: { image: facts.image ?? "nginx:1" },
      ...(facts.restart === undefined ? {} : { restart: facts.restart }),
    },
    specVersion: version === 0 ? {} : { index: String(version) },
    status: { state, appliedAt: wireTimestamp(at(since)) },
    desiredState: desired,
  };
}

export const serviceOf = (replicas: number, restart?: RestartPolicy, image = "nginx:1", version = 0): Service => ({
  id: "web",
  spec: {
    annotations: { name: "web" },
    task: { container: { image }, ...(restart === undefined ? {} : { restart }) },
    replicated: { replicas: String(replicas) },
  },
  specVersion: version === 0 ? {} : { index: String(version) },
});

export const readyNode = (id: string, node: Partial<Node> = {}): Node => ({
  id,
  status: { state: "READY" },
  spec: { availability: "ACTIVE" },
  ...node,
});
