import type {
  Endpoint,
  EndpointSpec,
  PortConfig,
  Resources,
  Service,
  ServiceSpec,
  TaskSpec,
  UpdateConfig,
  UpdateStatus,
} from "@mswarm/wire";
import { containerSpecJson } from "./container-spec.ts";
import { identityFields, type JsonObject, jsonDuration, jsonNumber, jsonTime, jsonWord, nonEmpty } from "./shape.ts";

/** A service as `docker service inspect` shows it. */
export function serviceJson(service: Service): JsonObject {
  return {
    ...identityFields(service),
    Spec: serviceSpecJson(service.spec ?? {}),
    PreviousSpec: service.previousSpec === undefined ? undefined : serviceSpecJson(service.previousSpec),
    Endpoint: endpointJson(service.endpoint ?? {}),
    UpdateStatus: service.updateStatus === undefined ? undefined : updateStatusJson(service.updateStatus),
  };
}

export function serviceSpecJson(spec: ServiceSpec): JsonObject {
  return {
    Name: spec.annotations?.name ?? "",
    Labels: spec.annotations?.labels ?? {},
    TaskTemplate: taskSpecJson(spec.task ?? {}),
    Mode: modeJson(spec),
    UpdateConfig: spec.update === undefined ? undefined : updateConfigJson(spec.update),
    RollbackConfig: spec.rollback === undefined ? undefined : updateConfigJson(spec.rollback),
    EndpointSpec: spec.endpoint === undefined ? undefined : endpointSpecJson(spec.endpoint),
  };
}

function modeJson(spec: ServiceSpec): JsonObject {
  if (spec.global !== undefined) return { Global: {} };
  if (spec.globalJob !== undefined) return { GlobalJob: {} };
  if (spec.replicatedJob !== undefined) {
    const { maxConcurrent, totalCompletions } = spec.replicatedJob;
    return {
      ReplicatedJob: { MaxConcurrent: jsonNumber(maxConcurrent), TotalCompletions: jsonNumber(totalCompletions) },
    };
  }
  return { Replicated: { Replicas: jsonNumber(spec.replicated?.replicas ?? "0") } };
}

/** `TaskTemplate` of a service, `Spec` of a task. */
export function taskSpecJson(spec: TaskSpec): JsonObject {
  const { resources, restart, placement, logDriver } = spec;
  return {
    ContainerSpec: spec.container === undefined ? undefined : containerSpecJson(spec.container),
    Resources: {
      Limits: { ...resourcesJson(resources?.limits), Pids: nonEmpty(jsonNumber(spec.container?.pidsLimit)) },
      Reservations: resourcesJson(resources?.reservations),
    },
    RestartPolicy:
      restart === undefined
        ? undefined
        : {
            Condition: jsonWord(restart.condition ?? "NONE"),
            Delay: jsonDuration(restart.delay),
            MaxAttempts: jsonNumber(restart.maxAttempts ?? "0"),
            Window: nonEmpty(jsonDuration(restart.window)),
          },
    Placement: {
      Constraints: nonEmpty(placement?.constraints),
      Preferences: nonEmpty(
        placement?.preferences?.map(({ spread }) => ({ Spread: { SpreadDescriptor: spread?.spreadDescriptor ?? "" } })),
      ),
      MaxReplicas: nonEmpty(jsonNumber(placement?.maxReplicas)),
      Platforms: nonEmpty(
        placement?.platforms?.map(({ architecture, os }) => ({
          Architecture: nonEmpty(architecture),
          OS: nonEmpty(os),
        })),
      ),
    },
    Networks: nonEmpty(
      spec.networks?.map(({ target, aliases }) => ({ Target: nonEmpty(target), Aliases: nonEmpty(aliases) })),
    ),
    LogDriver:
      logDriver === undefined ? undefined : { Name: nonEmpty(logDriver.name), Options: nonEmpty(logDriver.options) },
    ForceUpdate: jsonNumber(spec.forceUpdate ?? "0"),
    Runtime: "container",
  };
}

const resourcesJson = (resources: Resources | undefined): JsonObject => ({
  NanoCPUs: nonEmpty(jsonNumber(resources?.nanoCpus)),
  MemoryBytes: nonEmpty(jsonNumber(resources?.memoryBytes)),
});

const updateConfigJson = (config: UpdateConfig): JsonObject => ({
  Parallelism: jsonNumber(config.parallelism ?? "0"),
  Delay: nonEmpty(jsonDuration(config.delay)),
  FailureAction: jsonWord(config.failureAction ?? "PAUSE"),
  Monitor: nonEmpty(jsonDuration(config.monitor)),
  // A 32-bit number on the wire: 0.1 comes back as 0.10000000149011612.
  MaxFailureRatio: Number((config.maxFailureRatio ?? 0).toPrecision(7)),
  Order: jsonWord(config.order ?? "STOP_FIRST"),
});

const portJson = (port: PortConfig): JsonObject => ({
  Name: nonEmpty(port.name),
  Protocol: jsonWord(port.protocol ?? "TCP"),
  TargetPort: nonEmpty(port.targetPort),
  PublishedPort: nonEmpty(port.publishedPort),
  PublishMode: jsonWord(port.publishMode ?? "INGRESS"),
});

const endpointSpecJson = (spec: EndpointSpec): JsonObject => ({
  Mode: jsonWord(spec.mode ?? "VIP"),
  Ports: nonEmpty(spec.ports?.map(portJson)),
});

const endpointJson = (endpoint: Endpoint): JsonObject => ({
  Spec: endpoint.spec === undefined ? {} : endpointSpecJson(endpoint.spec),
  Ports: nonEmpty(endpoint.ports?.map(portJson)),
  VirtualIPs: nonEmpty(
    endpoint.virtualIps?.map(({ networkId, addr }) => ({ NetworkID: nonEmpty(networkId), Addr: nonEmpty(addr) })),
  ),
});

const updateStatusJson = (status: UpdateStatus): JsonObject => ({
  State: (status.state ?? "UNKNOWN").toLowerCase(),
  StartedAt: status.startedAt === undefined ? undefined : jsonTime(status.startedAt),
  CompletedAt: status.completedAt === undefined ? undefined : jsonTime(status.completedAt),
  Message: nonEmpty(status.message),
});
