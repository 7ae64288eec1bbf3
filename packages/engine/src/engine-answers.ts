// The engine's JSON, as far as it is read here, and what it means in our words. Pure.
import type {
  ContainerState,
  ContainerStatusName,
  ContainerSummary,
  EngineEvent,
  EngineGenericResource,
  EngineInfo,
  HealthStatus,
  PublishedPort,
} from "./engine.ts";

/** `GET /info`. Lists are null in some versions when empty. */
export interface InfoAnswer {
  readonly Name?: string;
  readonly ServerVersion?: string;
  readonly Architecture?: string;
  readonly OSType?: string;
  readonly NCPU?: number;
  readonly MemTotal?: number;
  readonly Labels?: readonly string[] | null;
  readonly Plugins?: Readonly<Record<string, readonly string[] | null>> | null;
  readonly GenericResources?: readonly GenericResourceAnswer[] | null;
  readonly SecurityOptions?: readonly string[] | null;
  readonly Swarm?: { readonly LocalNodeState?: string } | null;
}

interface GenericResourceAnswer {
  readonly NamedResourceSpec?: { readonly Kind?: string; readonly Value?: string };
  readonly DiscreteResourceSpec?: { readonly Kind?: string; readonly Value?: number };
}

export function engineInfoOf(answer: InfoAnswer): EngineInfo {
  return {
    name: answer.Name ?? "",
    version: answer.ServerVersion ?? "",
    architecture: answer.Architecture ?? "",
    operatingSystem: answer.OSType ?? "",
    cpus: answer.NCPU ?? 0,
    memoryBytes: answer.MemTotal ?? 0,
    labels: answer.Labels ?? [],
    plugins: Object.entries(answer.Plugins ?? {}).flatMap(([type, names]) =>
      (names ?? []).map((name) => ({ type, name })),
    ),
    genericResources: (answer.GenericResources ?? []).flatMap(genericResource),
    remapsUsers: (answer.SecurityOptions ?? []).some((option) => option.startsWith("name=userns")),
    inSwarm: !["", "inactive"].includes(answer.Swarm?.LocalNodeState ?? ""),
  };
}

function genericResource(answer: GenericResourceAnswer): readonly EngineGenericResource[] {
  const named = answer.NamedResourceSpec;
  if (named !== undefined) return [{ kind: named.Kind ?? "", named: named.Value ?? "" }];
  const discrete = answer.DiscreteResourceSpec;
  return discrete === undefined ? [] : [{ kind: discrete.Kind ?? "", count: discrete.Value ?? 0 }];
}

/** `GET /containers/{id}/json`. */
export interface InspectAnswer {
  readonly Id: string;
  readonly Name: string;
  readonly State: {
    readonly Status: string;
    readonly ExitCode: number;
    readonly Error: string;
    readonly Pid: number;
    readonly StartedAt: string;
    readonly Health?: { readonly Status: string } | null;
  };
  readonly Config: { readonly Labels: Readonly<Record<string, string>> | null; readonly Tty: boolean };
  readonly NetworkSettings?: { readonly Ports?: PortsAnswer | null } | null;
}

type PortsAnswer = Readonly<Record<string, readonly { readonly HostPort: string }[] | null>>;

const neverStarted = /^0001-01-01T/;

export function containerStateOf(answer: InspectAnswer): ContainerState {
  const { State: state } = answer;
  return {
    id: answer.Id,
    name: answer.Name.replace(/^\//, ""),
    labels: answer.Config.Labels ?? {},
    status: state.Status as ContainerStatusName,
    hasStarted: state.StartedAt !== "" && !neverStarted.test(state.StartedAt),
    exitCode: state.ExitCode,
    error: state.Error,
    pid: state.Pid,
    health: healthOf(state.Health?.Status),
    tty: answer.Config.Tty,
    publishedPorts: publishedPorts(answer.NetworkSettings?.Ports ?? {}),
  };
}

function healthOf(status: string | undefined): HealthStatus {
  return status === "starting" || status === "healthy" || status === "unhealthy" ? status : "none";
}

function publishedPorts(answer: PortsAnswer): readonly PublishedPort[] {
  const found = new Map<string, PublishedPort>();
  for (const [key, bindings] of Object.entries(answer)) {
    const [port = "", protocol = "tcp"] = key.split("/");
    if (protocol !== "tcp" && protocol !== "udp" && protocol !== "sctp") continue;
    // The engine lists a port once for each family of addresses.
    for (const { HostPort } of bindings ?? []) {
      found.set(`${key} ${HostPort}`, { protocol, containerPort: Number(port), hostPort: Number(HostPort) });
    }
  }
  return [...found.values()];
}

/** One line of `GET /containers/json`. */
export interface ListAnswer {
  readonly Id: string;
  readonly Names: readonly string[] | null;
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly State: string;
}

export function containerSummaryOf(answer: ListAnswer): ContainerSummary {
  return {
    id: answer.Id,
    name: (answer.Names?.[0] ?? "").replace(/^\//, ""),
    labels: answer.Labels ?? {},
    status: answer.State as ContainerStatusName,
  };
}

/** One line of `GET /events`. */
export interface EventAnswer {
  readonly Type?: string;
  readonly Action?: string;
  readonly Actor?: { readonly ID?: string };
}

/** Undefined: nothing that a task depends on. */
export function engineEventOf(answer: EventAnswer): EngineEvent | undefined {
  const containerId = answer.Actor?.ID;
  if (answer.Type !== "container" || containerId === undefined || answer.Action === undefined) return undefined;
  const [name = ""] = answer.Action.split(":");
  switch (name) {
    case "start":
    case "die":
    case "destroy":
    case "oom":
      return { containerId, action: name };
    case "health_status":
      return { containerId, action: "health" };
    default:
      return undefined;
  }
}
