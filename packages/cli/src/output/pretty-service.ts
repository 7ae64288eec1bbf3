// `service inspect --pretty`, in docker's layout, odd blanks included: people compare the two.

import { jsonWord } from "@mswarm/docker-json";
import { durationOf, milliseconds, type WireTime } from "@mswarm/runtime";
import type {
  ContainerSpec,
  Driver,
  Mount,
  PortConfig,
  Resources,
  Service,
  TaskSpec,
  UpdateConfig,
} from "@mswarm/wire";
import { formatDuration } from "../flags/go-duration.ts";
import { formatBytes } from "../flags/quantities.ts";

/** @param networkNames  by id */
export function prettyService(service: Service, networkNames: ReadonlyMap<string, string>): string {
  const spec = service.spec ?? {};
  const task = spec.task ?? {};
  const container = task.container ?? {};
  const lines = [
    "",
    `ID:\t\t${service.id ?? ""}`,
    `Name:\t\t${spec.annotations?.name ?? ""}`,
    ...mapLines("Labels:", spec.annotations?.labels, "="),
    ...(spec.global === undefined
      ? ["Service Mode:\tReplicated", ` Replicas:\t${spec.replicated?.replicas ?? "0"}`]
      : ["Service Mode:\tGlobal"]),
    ...statusLines(service),
    ...placementLines(task),
    ...updateLines("UpdateConfig", "Update", spec.update),
    ...updateLines("RollbackConfig", "Rollback", spec.rollback),
    ...containerLines(container),
    ...capabilityLines(container),
    ...mapLines("SysCtls:", container.sysctls, ": "),
    ...list("Ulimits:", container.ulimits ?? [], ({ name, soft, hard }) => [
      ` ${name ?? ""}: ${soft ?? "0"}:${hard ?? "0"}`,
    ]),
    ...list("Mounts:", container.mounts ?? [], mountLines),
    ...list("Configs:", container.configs ?? [], ({ file, configName }) => [
      ` Target:\t${file?.name ?? ""}`,
      `  Source:\t${configName ?? ""}`,
    ]),
    ...list("Secrets:", container.secrets ?? [], ({ file, secretName }) => [
      ` Target:\t${file?.name ?? ""}`,
      `  Source:\t${secretName ?? ""}`,
    ]),
    ...logLines(task.logDriver),
    "Resources:",
    ...resourceLines("Reservations", task.resources?.reservations),
    ...resourceLines("Limits", task.resources?.limits, container.pidsLimit),
    ...(task.networks === undefined || task.networks.length === 0
      ? []
      : [`Networks: ${task.networks.map(({ target = "" }) => `${networkNames.get(target) ?? target} `).join("")}`]),
    `Endpoint Mode:\t${jsonWord(spec.endpoint?.mode ?? "VIP")}`,
    ...list("Ports:", service.endpoint?.ports ?? spec.endpoint?.ports ?? [], portLines),
    ...healthLines(container),
    "",
  ];
  return `${lines.join("\n")}\n`;
}

const span = (time: WireTime | undefined): string => formatDuration(durationOf(time, milliseconds(0)));

function list<T>(title: string, items: readonly T[], lines: (item: T) => string[]): string[] {
  return items.length === 0 ? [] : [title, ...items.flatMap(lines)];
}

function mapLines(title: string, map: Readonly<Record<string, string>> | undefined, separator: string): string[] {
  const entries = Object.entries(map ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return list(title, entries, ([key, value]) => [value === "" ? ` ${key}` : ` ${key}${separator}${value}`]);
}

function statusLines(service: Service): string[] {
  const { state, message } = service.updateStatus ?? {};
  if (state === undefined || state === "UNKNOWN") return [];
  return ["UpdateStatus:", ` State:\t\t${state.toLowerCase()}`, ...(message ? [` Message:\t${message}`] : [])];
}

function placementLines(task: TaskSpec): string[] {
  const { constraints = [], preferences = [], maxReplicas = "0" } = task.placement ?? {};
  const spreads = preferences.map(({ spread }) => `spread=${spread?.spreadDescriptor ?? ""}`);
  return [
    "Placement:",
    ...(constraints.length === 0 ? [] : [` Constraints:\t[${constraints.join(" ")}]`]),
    ...(spreads.length === 0 ? [] : [` Preferences:   [${spreads.join(" ")}]`]),
    ...(maxReplicas === "0" ? [] : [` Max Replicas Per Node:   ${maxReplicas}`]),
  ];
}

function updateLines(title: string, order: string, config: UpdateConfig | undefined): string[] {
  if (config === undefined) return [];
  const delay = durationOf(config.delay, milliseconds(0));
  return [
    `${title}:`,
    ` Parallelism:\t${config.parallelism ?? "0"}`,
    ...(delay === 0 ? [] : [` Delay:\t\t${formatDuration(delay)}`]),
    ` On failure:\t${jsonWord(config.failureAction ?? "PAUSE")}`,
    ...(config.monitor === undefined ? [] : [` Monitoring Period: ${span(config.monitor)}`]),
    ` Max failure ratio: ${Number((config.maxFailureRatio ?? 0).toPrecision(7))}`,
    ` ${`${order} order:`.padEnd(18)} ${jsonWord(config.order ?? "STOP_FIRST")}`,
  ];
}

function containerLines(container: ContainerSpec): string[] {
  const words = (title: string, values: readonly string[] | undefined): string[] =>
    values === undefined || values.length === 0 ? [] : [` ${title}:\t\t${values.map((word) => `${word} `).join("")}`];
  return [
    "ContainerSpec:",
    ` Image:\t\t${container.image ?? ""}`,
    ...words("Args", container.args),
    ...words("Env", container.env),
    ...(container.dir ? [` Dir:\t\t${container.dir}`] : []),
    ...(container.init === undefined ? [] : [` Init:\t\t${container.init.value ?? false}`]),
    ...(container.user ? [` User: ${container.user}`] : []),
  ];
}

function capabilityLines({ capabilityAdd = [], capabilityDrop = [] }: ContainerSpec): string[] {
  if (capabilityAdd.length + capabilityDrop.length === 0) return [];
  return [
    "Capabilities:",
    ...(capabilityAdd.length === 0 ? [] : [` Add: ${capabilityAdd.join(", ")}`]),
    ...(capabilityDrop.length === 0 ? [] : [` Drop: ${capabilityDrop.join(", ")}`]),
  ];
}

const mountLines = (mount: Mount): string[] => [
  ` Target:\t${mount.target ?? ""}`,
  `  Source:\t${mount.source ?? ""}`,
  `  ReadOnly:\t${mount.readonly ?? false}`,
  `  Type:\t\t${jsonWord(mount.type ?? "BIND")}`,
];

function logLines(driver: Driver | undefined): string[] {
  if (driver === undefined) return [];
  const options = Object.entries(driver.options ?? {});
  const lines = ["Log Driver:", ` Name:\t\t${driver.name ?? ""}`];
  return options.length === 0
    ? lines
    : [...lines, " LogOpts:", ...options.map(([key, value]) => `  ${`${key}:`.padEnd(16)}${value}`), ""];
}

function resourceLines(title: string, resources: Resources | undefined, pids = "0"): string[] {
  const [cpus, memory] = [Number(resources?.nanoCpus ?? "0"), Number(resources?.memoryBytes ?? "0")];
  const lines = [
    ...(cpus === 0 ? [] : [`  CPU:\t\t${cpus / 1e9}`]),
    ...(memory === 0 ? [] : [`  Memory:\t${formatBytes(memory)}`]),
    ...(pids === "0" ? [] : [`  PIDs:\t\t${pids}`]),
  ];
  return lines.length === 0 ? [] : [` ${title}:`, ...lines];
}

function portLines(port: PortConfig): string[] {
  return [
    ` PublishedPort = ${port.publishedPort ?? 0}`,
    `  Protocol = ${jsonWord(port.protocol ?? "TCP")}`,
    `  TargetPort = ${port.targetPort ?? 0}`,
    `  PublishMode = ${jsonWord(port.publishMode ?? "INGRESS")}`,
  ];
}

function healthLines({ healthcheck }: ContainerSpec): string[] {
  if (healthcheck === undefined) return [];
  return [
    " Healthcheck:",
    `  Interval = ${span(healthcheck.interval)}`,
    `  Retries = ${healthcheck.retries ?? 0}`,
    `  StartPeriod =\t${span(healthcheck.startPeriod)}`,
    `  Timeout =\t${span(healthcheck.timeout)}`,
    ...list("  Tests:", healthcheck.test ?? [], (word) => [`\t Test = ${word}`]),
  ];
}
