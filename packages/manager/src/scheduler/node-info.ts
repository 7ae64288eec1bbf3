// What the scheduler knows of one node: what its tasks take, kept up to date task by task.
import { type Duration, type Instant, minutes } from "@mswarm/runtime";
import type { GenericResource, Node, PortConfig, Task } from "@mswarm/wire";
import { GenericResources } from "../objects/generic-resources.ts";
import { isActive } from "../objects/task-state.ts";

/** A node with this many failures of a service within the window goes last. Source: swarmkit manager/scheduler/nodeinfo.go. */
const failuresMax = 5;
const failureWindow: Duration = minutes(5);

interface Footprint {
  readonly serviceId: string;
  readonly isActive: boolean;
  readonly nanoCpus: number;
  readonly memoryBytes: number;
  readonly generic: readonly GenericResource[];
  readonly ports: readonly string[];
}

export class NodeInfo {
  #node: Node;
  #capacity: GenericResources;
  readonly #footprints = new Map<string, Footprint>();
  readonly #used = { nanoCpus: 0, memoryBytes: 0, generic: new GenericResources() };
  readonly #activeByService = new Map<string, number>();
  readonly #ports = new Map<string, number>();
  readonly #failures = new Map<string, Instant[]>();
  #active = 0;

  constructor(node: Node) {
    this.#node = node;
    this.#capacity = GenericResources.of(node.description?.resources?.generic);
  }

  get node(): Node {
    return this.#node;
  }

  get id(): string {
    return this.#node.id ?? "";
  }

  /** The object changed; what its tasks take stays. */
  replaceNode(node: Node): void {
    this.#node = node;
    this.#capacity = GenericResources.of(node.description?.resources?.generic);
  }

  /** Counts a task, in place of what was counted for it before. */
  addTask(task: Task): void {
    this.removeTask(task.id ?? "");
    const footprint = footprintOf(task);
    this.#footprints.set(task.id ?? "", footprint);
    this.#count(footprint, 1);
    for (const resource of footprint.generic) this.#used.generic.add(resource);
  }

  removeTask(taskId: string): void {
    const footprint = this.#footprints.get(taskId);
    if (footprint === undefined) return;
    this.#footprints.delete(taskId);
    this.#count(footprint, -1);
    for (const resource of footprint.generic) this.#used.generic.remove(resource);
  }

  /** Wanted tasks here; of one service, or of all. */
  activeTasks(serviceId?: string): number {
    return serviceId === undefined ? this.#active : (this.#activeByService.get(serviceId) ?? 0);
  }

  get freeNanoCpus(): number {
    return Number(this.#node.description?.resources?.nanoCpus ?? 0) - this.#used.nanoCpus;
  }

  get freeMemoryBytes(): number {
    return Number(this.#node.description?.resources?.memoryBytes ?? 0) - this.#used.memoryBytes;
  }

  /** The concrete resources for a reservation; undefined when they are not free here. */
  claimGeneric(wanted: readonly GenericResource[]): readonly GenericResource[] | undefined {
    return this.#capacity.claim(wanted, this.#used.generic);
  }

  usesPort(port: string): boolean {
    return (this.#ports.get(port) ?? 0) > 0;
  }

  /** @param version  names the service and the version of its spec */
  recordFailure(version: string, at: Instant): void {
    const recent = this.#recentFailures(version, at);
    this.#failures.set(version, [...recent, at].slice(-failuresMax));
    for (const key of this.#failures.keys()) if (this.#recentFailures(key, at).length === 0) this.#failures.delete(key);
  }

  failsTooOften(version: string, now: Instant): boolean {
    return this.#recentFailures(version, now).length >= failuresMax;
  }

  #recentFailures(version: string, now: Instant): readonly Instant[] {
    return (this.#failures.get(version) ?? []).filter((at) => at > now - failureWindow);
  }

  #count({ serviceId, isActive: active, nanoCpus, memoryBytes, ports }: Footprint, sign: 1 | -1): void {
    this.#used.nanoCpus += sign * nanoCpus;
    this.#used.memoryBytes += sign * memoryBytes;
    for (const port of ports) increase(this.#ports, port, sign);
    if (!active) return;
    this.#active += sign;
    increase(this.#activeByService, serviceId, sign);
  }
}

function increase(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}

function footprintOf(task: Task): Footprint {
  const reserved = task.spec?.resources?.reservations;
  return {
    serviceId: task.serviceId ?? "",
    isActive: isActive(task),
    nanoCpus: Number(reserved?.nanoCpus ?? 0),
    memoryBytes: Number(reserved?.memoryBytes ?? 0),
    generic: task.assignedGenericResources ?? [],
    ports: hostPortsOf(task),
  };
}

/** Ports that a task takes on its node, as `TCP/8080`. Port 0 is chosen by the node and never in the way. */
export function hostPortsOf(task: Task): readonly string[] {
  const isFixed = ({ publishMode, publishedPort }: PortConfig): boolean =>
    publishMode === "HOST" && (publishedPort ?? 0) !== 0;
  return (task.endpoint?.ports ?? []).filter(isFixed).map((port) => `${port.protocol ?? "TCP"}/${port.publishedPort}`);
}
