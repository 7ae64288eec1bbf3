// ContainerCreate as the body of `POST /containers/create`. Pure.
import { type Duration, invariant } from "@mswarm/runtime";
import type { ContainerCreate, ContainerHealthcheck, ContainerMount, ContainerPort } from "./container-create.ts";

const nanoseconds = (span: Duration | undefined): number | undefined =>
  span === undefined ? undefined : Math.round(span * 1e6);
const orAbsent = <T>(list: readonly T[]): readonly T[] | undefined => (list.length === 0 ? undefined : list);

/** The body without what is absent, so that the engine's own defaults apply. */
export function createBody(spec: ContainerCreate): Record<string, unknown> {
  invariant(spec.name !== "", "a container needs a name");
  return withoutAbsent({
    Image: spec.image,
    Labels: spec.labels,
    Entrypoint: spec.entrypoint,
    Cmd: spec.command,
    Env: spec.env,
    WorkingDir: spec.workingDirectory,
    User: spec.user,
    Hostname: spec.hostname,
    Tty: spec.tty,
    OpenStdin: spec.openStdin,
    StopSignal: spec.stopSignal,
    StopTimeout: spec.stopGrace === undefined ? undefined : Math.ceil(spec.stopGrace / 1_000),
    Healthcheck: spec.healthcheck === undefined ? undefined : healthcheckBody(spec.healthcheck),
    ExposedPorts: Object.fromEntries(spec.ports.map((port) => [portKey(port), {}])),
    HostConfig: hostConfig(spec),
  });
}

function hostConfig(spec: ContainerCreate): Record<string, unknown> {
  const { resources } = spec;
  return withoutAbsent({
    // No restart policy: a task's container is never restarted, the orchestrator makes a new task instead.
    NetworkMode: spec.network,
    PortBindings: portBindings(spec.ports),
    Mounts: orAbsent(spec.mounts.map(mountBody)),
    ReadonlyRootfs: spec.readOnlyRoot,
    Init: spec.init,
    GroupAdd: orAbsent(spec.groups),
    CapAdd: orAbsent(spec.capabilitiesAdd),
    CapDrop: orAbsent(spec.capabilitiesDrop),
    Dns: orAbsent(spec.dns.nameservers),
    DnsSearch: orAbsent(spec.dns.search),
    DnsOptions: orAbsent(spec.dns.options),
    ExtraHosts: orAbsent(spec.extraHosts),
    Sysctls: Object.keys(spec.sysctls).length === 0 ? undefined : spec.sysctls,
    SecurityOpt: orAbsent(spec.securityOptions),
    LogConfig: spec.logDriver === undefined ? undefined : { Type: spec.logDriver.name, Config: spec.logDriver.options },
    Isolation: spec.isolation,
    NanoCpus: resources.nanoCpus,
    Memory: resources.memoryBytes,
    MemorySwap: resources.memoryAndSwapBytes,
    MemorySwappiness: resources.memorySwappiness,
    PidsLimit: resources.pidsLimit,
    OomScoreAdj: resources.oomScoreAdjustment,
    Ulimits: resources.ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
  });
}

function healthcheckBody(check: ContainerHealthcheck): Record<string, unknown> {
  return withoutAbsent({
    Test: check.test,
    Interval: nanoseconds(check.interval),
    Timeout: nanoseconds(check.timeout),
    StartPeriod: nanoseconds(check.startPeriod),
    StartInterval: nanoseconds(check.startInterval),
    Retries: check.retries,
  });
}

function mountBody(mount: ContainerMount): Record<string, unknown> {
  const common = { Type: mount.type, Target: mount.target, ReadOnly: mount.readOnly };
  switch (mount.type) {
    case "bind":
      return {
        ...common,
        Source: mount.source,
        ...optionsNamed("BindOptions", {
          Propagation: mount.propagation,
          NonRecursive: mount.nonRecursive,
          CreateMountpoint: mount.createSource,
          ReadOnlyNonRecursive: mount.readOnlyNonRecursive,
          ReadOnlyForceRecursive: mount.readOnlyForceRecursive,
        }),
      };
    case "volume":
      return {
        ...common,
        Source: mount.source,
        ...optionsNamed("VolumeOptions", {
          NoCopy: mount.noCopy || undefined,
          Labels: Object.keys(mount.labels).length === 0 ? undefined : mount.labels,
          DriverConfig:
            mount.driver === undefined ? undefined : { Name: mount.driver.name, Options: mount.driver.options },
          Subpath: mount.subpath,
        }),
      };
    case "tmpfs":
      return { ...common, ...optionsNamed("TmpfsOptions", { SizeBytes: mount.sizeBytes, Mode: mount.mode }) };
  }
}

/** Nothing at all where no option is set: `inspect` shows an empty object otherwise. */
function optionsNamed(name: string, options: Record<string, unknown>): Record<string, unknown> {
  const present = withoutAbsent(options);
  return Object.keys(present).length === 0 ? {} : { [name]: present };
}

const portKey = (port: ContainerPort): string => `${port.containerPort}/${port.protocol}`;

function portBindings(ports: readonly ContainerPort[]): Record<string, unknown> {
  const bindings: Record<string, unknown[]> = {};
  for (const port of ports) {
    const binding = { HostIp: port.hostAddress ?? "", HostPort: port.hostPort === 0 ? "" : String(port.hostPort) };
    bindings[portKey(port)] = [...(bindings[portKey(port)] ?? []), binding];
  }
  return bindings;
}

function withoutAbsent(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
