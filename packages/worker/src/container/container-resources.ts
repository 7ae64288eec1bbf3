import type { ContainerPort, ContainerResources } from "@mswarm/engine";
import { unimplemented } from "@mswarm/runtime";
import type { GenericResource, PortConfig, Task } from "@mswarm/wire";

/**
 * Limits; 0 means "none" in the specification, and is left out. Reservations are the scheduler's affair: Docker's workers
 * do not tell their engine of them either.
 */
export function containerResources(task: Task): ContainerResources {
  const { limits, swapBytes, memorySwappiness } = task.spec?.resources ?? {};
  const container = task.spec?.container;
  const memoryBytes = Number(limits?.memoryBytes ?? 0);
  return {
    ...unlessZero("nanoCpus", Number(limits?.nanoCpus ?? 0)),
    ...unlessZero("memoryBytes", memoryBytes),
    ...(swapBytes === undefined
      ? {}
      : { memoryAndSwapBytes: memoryAndSwap(memoryBytes, Number(swapBytes.value ?? 0)) }),
    ...(memorySwappiness === undefined ? {} : { memorySwappiness: Number(memorySwappiness.value ?? 0) }),
    ...unlessZero("pidsLimit", Number(container?.pidsLimit ?? 0)),
    ...unlessZero("oomScoreAdjustment", Number(container?.oomScoreAdj ?? 0)),
    ulimits: (container?.ulimits ?? []).map(({ name = "", soft = "0", hard = "0" }) => ({
      name,
      soft: Number(soft),
      hard: Number(hard),
    })),
  };
}

/** The specification counts swap alone, the engine memory and swap together; -1 is unlimited in both. */
function memoryAndSwap(memoryBytes: number, swapBytes: number): number {
  return swapBytes < 0 ? -1 : memoryBytes + swapBytes;
}

function unlessZero<K extends string>(key: K, value: number): { readonly [P in K]?: number } {
  return value === 0 ? {} : ({ [key]: value } as { readonly [P in K]: number });
}

/** `DOCKER_RESOURCE_<KIND>=value,value` for each kind of generic resource that the scheduler gave to the task. */
export function genericResourceEnv(resources: readonly GenericResource[]): readonly string[] {
  const values = new Map<string, string[]>();
  for (const { namedResourceSpec: named, discreteResourceSpec: discrete } of resources) {
    const kind = named?.kind ?? discrete?.kind ?? "";
    const value = named?.value ?? discrete?.value ?? "";
    values.set(kind, [...(values.get(kind) ?? []), value]);
  }
  return [...values].map(([kind, list]) => `DOCKER_RESOURCE_${kind.toUpperCase()}=${list.join(",")}`);
}

/** Ports that the container itself publishes. Ingress ports are the routing mesh's affair. */
export function hostPorts(task: Task, hostAddress: string | undefined): readonly ContainerPort[] {
  return (task.endpoint?.ports ?? [])
    .filter((port) => port.publishMode === "HOST")
    .map((port) => ({
      protocol: protocolOf(port),
      containerPort: port.targetPort ?? 0,
      hostPort: port.publishedPort ?? 0,
      ...(hostAddress === undefined ? {} : { hostAddress }),
    }));
}

function protocolOf({ protocol = "TCP" }: PortConfig): ContainerPort["protocol"] {
  switch (protocol) {
    case "TCP":
      return "tcp";
    case "UDP":
      return "udp";
    case "SCTP":
      return "sctp";
    default:
      throw unimplemented("a published port has a protocol that this version does not know");
  }
}
