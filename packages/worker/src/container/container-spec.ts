// From a task to what its container shall be. Pure; compatibility with Docker's own workers lives here.
import type { BindMount, ContainerCreate, ContainerHealthcheck } from "@mswarm/engine";
import { type Duration, durationOf, invalidArgument, seconds, unimplemented } from "@mswarm/runtime";
import { expandContainer, type TemplateNode, taskContext } from "@mswarm/template";
import type { ContainerSpec, google, HealthConfig, Task } from "@mswarm/wire";
import { containerMount } from "./container-mounts.ts";
import { containerNetwork } from "./container-network.ts";
import { containerResources, genericResourceEnv, hostPorts } from "./container-resources.ts";
import { securityOptions } from "./container-security.ts";
import { taskLabels, taskName } from "./task-names.ts";

/** What a container depends on besides its task. */
export interface ContainerSurroundings {
  readonly node: TemplateNode & { readonly id: string };
  /** Labels the daemon puts on every container. */
  readonly extraLabels: Readonly<Record<string, string>>;
  /** Address that host-mode ports bind; absent: all addresses. */
  readonly hostPortAddress?: string;
}

/**
 * The container of a task. `files` are the mounts of its secrets and configs.
 * INVALID_ARGUMENT, UNIMPLEMENTED: the task cannot run here, with the sentence that rejects it.
 * Source: engine-api reference 16; wire reference 6.9; moby daemon/cluster/executor/container/container.go.
 */
export function containerCreateOf(
  task: Task,
  surroundings: ContainerSurroundings,
  files: readonly BindMount[],
): ContainerCreate {
  const spec = expandContainer(containerSpecOf(task), taskContext(task, taskName(task), surroundings.node));
  const network = containerNetwork(task);
  const logDriver = task.spec?.logDriver ?? task.logDriver;
  return {
    name: taskName(task),
    image: spec.image ?? "",
    labels: taskLabels(task, surroundings.node.id, surroundings.extraLabels),
    ...optionalList("entrypoint", spec.command),
    ...optionalList("command", spec.args),
    env: [...(spec.env ?? []), ...genericResourceEnv(task.assignedGenericResources ?? [])],
    ...optionalText("workingDirectory", spec.dir),
    ...optionalText("user", spec.user),
    groups: spec.groups ?? [],
    ...optionalText("hostname", spec.hostname),
    tty: spec.tty ?? false,
    openStdin: spec.openStdin ?? false,
    ...optionalText("stopSignal", spec.stopSignal),
    // So that whoever stops it later without knowing its task leaves it the same time.
    stopGrace: stopGraceOf(task),
    ...(spec.healthcheck === undefined ? {} : { healthcheck: healthcheckOf(spec.healthcheck) }),
    mounts: [...(spec.mounts ?? []).map(containerMount), ...files],
    readOnlyRoot: spec.readOnly ?? false,
    // A wrapped value: absent leaves it to the engine, false forbids it.
    ...(spec.init === undefined ? {} : { init: spec.init.value ?? false }),
    resources: containerResources(task),
    capabilitiesAdd: spec.capabilityAdd ?? [],
    capabilitiesDrop: spec.capabilityDrop ?? [],
    dns: {
      nameservers: spec.dnsConfig?.nameservers ?? [],
      search: spec.dnsConfig?.search ?? [],
      options: spec.dnsConfig?.options ?? [],
    },
    extraHosts: (spec.hosts ?? []).flatMap(extraHosts),
    sysctls: spec.sysctls ?? {},
    securityOptions: securityOptions(spec.privileges),
    ...(logDriver === undefined || (logDriver.name ?? "") === ""
      ? {}
      : { logDriver: { name: logDriver.name ?? "", options: logDriver.options ?? {} } }),
    ports: hostPorts(task, surroundings.hostPortAddress),
    ...(network === undefined ? {} : { network }),
    ...isolationOf(spec),
  };
}

/** The container part of a task. UNIMPLEMENTED: plugins and attachments; INVALID_ARGUMENT: a container without image. */
export function containerSpecOf(task: Task): ContainerSpec {
  const { container, generic, attachment } = task.spec ?? {};
  if (attachment !== undefined) throw unimplemented("network attachments of plain containers are not supported here");
  if (generic !== undefined) throw unimplemented(`tasks of kind "${generic.kind ?? ""}" are not supported here`);
  if (container === undefined) throw invalidArgument("the task says nothing about what it runs");
  if ((container.image ?? "") === "") throw invalidArgument("dockerexec: image required");
  return container;
}

const defaultStopGrace = seconds(10);

/** How long a task's container may take to stop before it is killed. */
export function stopGraceOf(task: Task): Duration {
  return durationOf(task.spec?.container?.stopGracePeriod, defaultStopGrace);
}

/** `address name…` (the order of the hosts file) as the engine's `name:address`. */
function extraHosts(line: string): readonly string[] {
  const [address = "", ...names] = line.trim().split(/\s+/);
  return names.map((name) => `${name}:${address}`);
}

function healthcheckOf(config: HealthConfig): ContainerHealthcheck {
  return {
    test: config.test ?? [],
    ...optionalDuration("interval", config.interval),
    ...optionalDuration("timeout", config.timeout),
    ...optionalDuration("startPeriod", config.startPeriod),
    ...optionalDuration("startInterval", config.startInterval),
    ...(config.retries === undefined || config.retries === 0 ? {} : { retries: config.retries }),
  };
}

function isolationOf({ isolation }: ContainerSpec): { readonly isolation: string } {
  switch (isolation ?? "ISOLATION_DEFAULT") {
    case "ISOLATION_DEFAULT":
      return { isolation: "default" };
    case "ISOLATION_PROCESS":
      return { isolation: "process" };
    case "ISOLATION_HYPERV":
      return { isolation: "hyperv" };
    default:
      throw unimplemented("an isolation that this version does not know");
  }
}

function optionalText<K extends string>(key: K, text: string | undefined): { readonly [P in K]?: string } {
  return text === undefined || text === "" ? {} : ({ [key]: text } as { readonly [P in K]: string });
}

function optionalList<K extends string>(
  key: K,
  list: readonly string[] | undefined,
): { readonly [P in K]?: readonly string[] } {
  return list === undefined || list.length === 0 ? {} : ({ [key]: list } as { readonly [P in K]: readonly string[] });
}

function optionalDuration<K extends string>(
  key: K,
  wire: google.Duration | undefined,
): { readonly [P in K]?: Duration } {
  return wire === undefined ? {} : ({ [key]: durationOf(wire, seconds(0)) } as { readonly [P in K]: Duration });
}
