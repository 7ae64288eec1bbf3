import { hostname } from "node:os";
import { invalidArgument, type LogLevel, logLevels, messageOf } from "@mswarm/runtime";
import type { GenericResource } from "@mswarm/wire";
import { Option } from "commander";
import { type CliCommand, optionsOf } from "../cli-command.ts";
import type { CliContext } from "../cli-context.ts";
import { parseGenericResources } from "../flags/generic-resource.ts";
import { type OptionValues, UsageError } from "../flags/option-values.ts";
import { parseBytes, parseFraction } from "../flags/quantities.ts";
import { withoutDaemon } from "../local-failure.ts";

/** Flag, environment variable, default: DESIGN section 10. */
const settings = [
  ["--state-dir <path>", "MSWARM_STATE_DIR", "/var/lib/mswarm", "Where the node keeps its state"],
  ["--engine <address>", "MSWARM_ENGINE", "unix:///var/run/docker.sock", "Docker Engine that runs the containers"],
  ["--api <address>", "MSWARM_API", "unix:///var/run/mswarm/docker.sock", "Socket of the Docker Engine API face"],
  ["--control <address>", "MSWARM_CONTROL", "unix:///var/run/mswarm/control.sock", "Control socket"],
  ["--hostname <name>", "MSWARM_HOSTNAME", hostname(), "Name of the node"],
  ["--default-advertise-addr <address>", "MSWARM_DEFAULT_ADVERTISE_ADDR", "", "Address or interface to advertise"],
  ["--log-level <level>", "MSWARM_LOG_LEVEL", "info", `Least level to log: ${logLevels.join(", ")}`],
  ["--log-format <format>", "MSWARM_LOG_FORMAT", "json", '"json" or "pretty"'],
] as const;

export function addDaemon(parent: CliCommand, context: CliContext): void {
  const command = parent.command("daemon").description("Run the daemon in the foreground");
  for (const [flags, variable, value, description] of settings) {
    command.option(flags, `${description} (${variable})`, context.environment[variable] || value);
  }
  command
    .option("--lab <name>", "Lab that this node belongs to")
    .option("--offer-cpus <count>", "Processors offered to tasks; the machine's where absent")
    .option("--offer-memory <bytes>", "Memory offered to tasks; the machine's where absent")
    .addOption(genericResourceOption(context))
    .option("--publish-addr <address>", "Host address of published ports; all where absent");
  command.action(async () => {
    const options = daemonOptions(optionsOf(command));
    // Loaded here, because the other commands do not need the daemon's code.
    const { runDaemon } = await import("@mswarm/node/daemon");
    await withoutDaemon(runDaemon(options, context.signal));
  });
}

/** What the flags say, defaults included. Errors: UsageError. */
export function daemonOptions(flags: OptionValues): Parameters<typeof import("@mswarm/node/daemon")["runDaemon"]>[0] {
  const [lab, publishAddress] = [flags.text("lab"), flags.text("publishAddr")];
  const offerCpus = flags.parsed("offerCpus", positive);
  const offerMemory = flags.parsed("offerMemory", (text) => Number(parseBytes(text)));
  const genericResources = readGenericResources(flags.list("nodeGenericResource"));
  return {
    stateDirectory: flags.text("stateDir") ?? "",
    engine: flags.text("engine") ?? "",
    api: flags.text("api") ?? "",
    control: flags.text("control") ?? "",
    hostname: flags.text("hostname") ?? "",
    defaultAdvertiseAddress: flags.text("defaultAdvertiseAddr") ?? "",
    logLevel: flags.parsed("logLevel", parseLevel) ?? "info",
    logFormat: flags.parsed("logFormat", parseFormat) ?? "json",
    ...(genericResources.length === 0 ? {} : { genericResources }),
    ...(lab === undefined ? {} : { lab }),
    ...(offerCpus === undefined ? {} : { offerCpus }),
    ...(offerMemory === undefined ? {} : { offerMemory }),
    ...(publishAddress === undefined ? {} : { publishAddress }),
  };
}

function genericResourceOption({ environment }: CliContext): Option {
  const variable = "MSWARM_NODE_GENERIC_RESOURCE";
  const fromEnvironment = environment[variable] || undefined;
  return new Option(
    "--node-generic-resource <resource>",
    `Resource that this node offers to tasks, as gpu=uuid1 or ssd=3; may be repeated (${variable})`,
  )
    .default(fromEnvironment === undefined ? undefined : [fromEnvironment])
    .argParser((value: string, earlier: readonly string[] | undefined) => [
      ...(earlier === undefined || earlier[0] === fromEnvironment ? [] : earlier),
      value,
    ]);
}

function readGenericResources(texts: readonly string[]): readonly GenericResource[] {
  try {
    return parseGenericResources(texts);
  } catch (cause) {
    throw new UsageError(`invalid argument for "--node-generic-resource" flag: ${messageOf(cause)}`, { cause });
  }
}

function positive(text: string): number {
  const value = parseFraction(text);
  if (value <= 0) throw invalidArgument("must be more than zero");
  return value;
}

function parseLevel(text: string): LogLevel {
  const level = logLevels.find((candidate) => candidate === text);
  if (level === undefined) throw invalidArgument(`must be one of ${logLevels.join(", ")}`);
  return level;
}

function parseFormat(text: string): "json" | "pretty" {
  if (text !== "json" && text !== "pretty") throw invalidArgument("must be json or pretty");
  return text;
}
