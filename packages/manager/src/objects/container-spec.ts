// Source: swarmkit manager/controlapi/service.go, validateContainerSpec.
import { durationOf, invalidArgument, milliseconds } from "@mswarm/runtime";
import { expandContainer, taskContext } from "@mswarm/template";
import type { ContainerSpec, HealthConfig, Task } from "@mswarm/wire";
import { goQuoted } from "./go-format.ts";
import { isImageReference } from "./image-reference.ts";
import { taskName } from "./naming.ts";

const zero = milliseconds(0);
const shortestHealthDuration = milliseconds(1);

/** What templates are tried out with. A service's labels are not there yet, so that one in a template must be asked for by `index`. */
const imaginedTask: Task = {
  serviceId: "serviceid",
  serviceAnnotations: { name: "servicename" },
  slot: "1",
  nodeId: "nodeid",
  annotations: { name: "taskname" },
};
const imaginedNode = { hostname: "nodeHostname", operatingSystem: "os", architecture: "architecture" };

/** Errors: INVALID_ARGUMENT. */
export function validateContainerSpec(template: ContainerSpec): void {
  const container = expandContainer(template, taskContext(imaginedTask, taskName(imaginedTask), imaginedNode));
  const image = container.image ?? "";
  if (image === "") throw invalidArgument("ContainerSpec: image reference must be provided");
  if (!isImageReference(image)) {
    throw invalidArgument(`ContainerSpec: ${goQuoted(image)} is not a valid repository/tag`);
  }
  validateMounts(container);
  if (container.healthcheck !== undefined) validateHealthCheck(container.healthcheck);
}

function validateMounts({ mounts = [] }: ContainerSpec): void {
  const targets = new Set<string>();
  for (const { target = "" } of mounts) {
    if (targets.has(target)) throw invalidArgument(`ContainerSpec: duplicate mount point: ${target}`);
    targets.add(target);
  }
}

function validateHealthCheck(health: HealthConfig): void {
  const durations = {
    Interval: health.interval,
    Timeout: health.timeout,
    StartPeriod: health.startPeriod,
    StartInterval: health.startInterval,
  };
  for (const [name, wire] of Object.entries(durations)) {
    const duration = durationOf(wire, zero);
    if (duration !== 0 && duration < shortestHealthDuration) {
      throw invalidArgument(`ContainerSpec: ${name} in HealthConfig cannot be less than 1ms`);
    }
  }
  if ((health.retries ?? 0) < 0) throw invalidArgument("ContainerSpec: Retries in HealthConfig cannot be negative");
}
