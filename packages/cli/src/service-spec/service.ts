// From flags to a service spec. Pure: whatever has to be looked up or read comes in as `ServiceInputs`.
import type {
  Driver,
  EndpointSpec,
  EndpointSpec_ResolutionMode,
  PortConfig,
  ServiceSpec,
  TaskSpec,
} from "@mswarm/wire";
import { pairsToMap } from "../flags/key-values.ts";
import { type OptionValues, UsageError } from "../flags/option-values.ts";
import { type PublishedPort, parsePort, parsePublishedPort } from "../flags/port.ts";
import { parseUnsigned } from "../flags/quantities.ts";
import { type ContainerInputs, changedContainer } from "./container.ts";
import { changedList, changedMap, defined, withField } from "./merging.ts";
import { newMode, requireNoPolicies, scaled, withConcurrency } from "./mode.ts";
import { changedPlacement, changedResources, changedRestart, changedUpdate, choice } from "./policies.ts";

export interface ServiceInputs extends ContainerInputs {
  /** Ids of the networks of `--network` or `--network-add`. */
  readonly networks: readonly string[];
  /** Ids of the networks of `--network-rm`. */
  readonly removedNetworks: readonly string[];
  /** For `--with-registry-auth`: base64url of docker's auth object. Never shown. */
  readonly registryAuth?: string;
}

/** For a look at the flags alone. */
export const noInputs: ServiceInputs = { environment: [], secrets: [], configs: [], networks: [], removedNetworks: [] };

/** The spec of a new service. Errors: UsageError, UNIMPLEMENTED. */
export function newServiceSpec(
  source: { readonly image: string; readonly command: readonly string[]; readonly flags: OptionValues },
  inputs: ServiceInputs,
): ServiceSpec {
  const { image, command, flags } = source;
  const base: ServiceSpec = {
    annotations: defined({ name: flags.text("name") ?? "" }),
    task: { container: { image, ...(command.length === 0 ? {} : { args: [...command] }) } },
    ...newMode(flags),
  };
  return changed(base, flags, inputs);
}

/** The spec of an existing service after an update. Errors: UsageError, UNIMPLEMENTED. */
export function updatedServiceSpec(current: ServiceSpec, flags: OptionValues, inputs: ServiceInputs): ServiceSpec {
  const mode = withConcurrency(scaled(current, flags.parsed("replicas", parseUnsigned)), flags);
  const spec = changed(mode, flags, inputs);
  if (flags.flag("force") !== true) return spec;
  const forceUpdate = String(BigInt(spec.task?.forceUpdate ?? "0") + 1n);
  return { ...spec, task: { ...spec.task, forceUpdate } };
}

function changed(spec: ServiceSpec, flags: OptionValues, inputs: ServiceInputs): ServiceSpec {
  const labels = changedMap(spec.annotations?.labels, {
    add: pairsToMap(flags.added("label"), "label"),
    remove: flags.removed("label"),
  });
  const next: ServiceSpec = {
    ...spec,
    annotations: withField({ ...spec.annotations }, "labels", labels),
    ...defined({
      task: changedTask(spec.task ?? {}, flags, inputs),
      update: changedUpdate(spec.update, flags, "update"),
      rollback: changedUpdate(spec.rollback, flags, "rollback"),
      endpoint: changedEndpoint(spec.endpoint, flags),
    }),
  };
  requireNoPolicies(next);
  return next;
}

function changedTask(task: TaskSpec, flags: OptionValues, inputs: ServiceInputs): TaskSpec {
  const container = changedContainer(task.container ?? {}, flags, inputs);
  const { registryAuth } = inputs;
  const networks = changedList(
    task.networks,
    { add: inputs.networks.map((target) => ({ target })), remove: inputs.removedNetworks },
    (network) => network.target ?? "",
  );
  const rest = withField(task, "networks", networks);
  return {
    ...rest,
    container: registryAuth === undefined ? container : { ...container, pullOptions: { registryAuth } },
    ...defined({
      resources: changedResources(task.resources, flags),
      restart: changedRestart(task.restart, flags),
      placement: changedPlacement(task.placement, flags),
      logDriver: changedLogDriver(task.logDriver, flags),
    }),
  };
}

function changedLogDriver(current: Driver | undefined, flags: OptionValues): Driver | undefined {
  const name = flags.text("logDriver");
  const options = flags.list("logOpt");
  if (name === undefined) {
    if (options.length > 0) throw new UsageError("--log-opt needs --log-driver");
    return current;
  }
  return { name, ...(options.length === 0 ? {} : { options: pairsToMap(options, "log-opt") }) };
}

const modes = choice<EndpointSpec_ResolutionMode>({ vip: "VIP", dnsrr: "DNSRR" });

function changedEndpoint(current: EndpointSpec | undefined, flags: OptionValues): EndpointSpec | undefined {
  const removed = flags.parsedList("publishRm", parsePort);
  const kept = (current?.ports ?? []).filter((port) => !removed.some((wanted) => isSamePort(port, wanted)));
  const ports = changedList<PortConfig>(
    kept,
    { add: flags.parsedAdded("publish", parsePublishedPort), remove: [] },
    portKey,
  );
  const mode = flags.parsed("endpointMode", modes) ?? current?.mode;
  const endpoint = defined({ mode, ports });
  return current === undefined && Object.keys(endpoint).length === 0 ? undefined : endpoint;
}

/** A removal names target and protocol; the mode only when it says one. */
function isSamePort(port: PortConfig, wanted: PublishedPort): boolean {
  return (
    (port.targetPort ?? 0) === wanted.targetPort &&
    (port.protocol ?? "TCP") === wanted.protocol &&
    (wanted.publishMode === undefined || (port.publishMode ?? "INGRESS") === wanted.publishMode)
  );
}

const portKey = (port: PortConfig): string =>
  `${port.targetPort ?? 0}/${port.protocol ?? "TCP"}/${port.publishedPort ?? 0}/${port.publishMode ?? "INGRESS"}`;
