import { isSwarmError } from "@mswarm/runtime";
import type { SubscribeLogsMessage } from "@mswarm/wire";
import { addFlag, type CliCommand, optionsOf, withConnection } from "../cli-command.ts";
import type { CliContext, Connection } from "../cli-context.ts";
import { findLogTarget, type LogTarget } from "../control/log-target.ts";
import { missingLogs } from "../control/missing-logs.ts";
import { parseMoment } from "../flags/moment.ts";
import { type OptionValues, UsageError } from "../flags/option-values.ts";
import { LocalFailure } from "../local-failure.ts";
import { type LogLayout, LogLines } from "../output/log-lines.ts";

/** Source: docker/cli command/service/logs.go. */
export function addServiceLogs(parent: CliCommand, context: CliContext): void {
  const command = parent.command("logs").description("Fetch the logs of a service or a task");
  command
    .argument("<service|task>", "A service by id, name or prefix of the id, or a task by its id")
    .option("--since <moment>", 'Only logs since then ("2026-01-02T13:23:37Z", or "42m" for 42 minutes)')
    .option("-n, --tail <lines>", "Number of lines to show from the end of each task's logs", "all")
    // commander makes `resolve`, `taskIds` and `trunc` of these, true where they are absent.
    .option("--no-resolve", "Do not map ids to names")
    .option("--no-task-ids", "Do not show the ids of tasks")
    .option("--no-trunc", "Do not truncate output");
  addFlag(command, "-f, --follow", "Go on with what is printed from now on");
  addFlag(command, "-t, --timestamps", "Show timestamps");
  addFlag(command, "--details", "Show what log drivers were told to add");
  addFlag(command, "--raw", "Print what the tasks printed, without saying who did");
  command.action(async (text: string) => {
    const flags = optionsOf(command);
    const options = requestOptions(flags, context);
    await withConnection(command, context, (connection) => printLogs(text, options, flags, connection, context));
  });
}

interface RequestOptions {
  readonly follow: boolean;
  readonly tail: string;
  readonly since?: { seconds?: string; nanos?: number };
}

function requestOptions(flags: OptionValues, context: CliContext): RequestOptions {
  const since = flags.parsed("since", (text) => parseMoment(text, context.clock.now()));
  return {
    follow: flags.flag("follow") === true,
    tail: wireTail(flags.text("tail") ?? "all"),
    ...(since === undefined ? {} : { since }),
  };
}

/** On the wire 0 is everything and −(n + 1) the last n lines (wire reference 6.10). */
function wireTail(text: string): string {
  if (text === "all" || text === "") return "0";
  if (/^-\d+$/.test(text)) throw new UsageError("negative tail values not supported");
  if (!/^\d{1,15}$/.test(text)) throw new UsageError('tail value must be a positive integer or "all"');
  return String(-Number(text) - 1);
}

async function printLogs(
  text: string,
  options: RequestOptions,
  flags: OptionValues,
  connection: Connection,
  context: CliContext,
): Promise<void> {
  const { control, logs } = connection;
  const target = await findLogTarget(control, text);
  const isRaw = flags.flag("raw") === true;
  if (target.hasTerminal && !isRaw) throw new LocalFailure("INVALID_ARGUMENT", ttyRefusal(target));
  const layout: LogLayout = {
    isRaw,
    hasTimestamps: flags.flag("timestamps") === true,
    hasDetails: flags.flag("details") === true,
    hasTaskIds: flags.flag("taskIds") !== false,
    isTruncated: flags.flag("trunc") !== false,
    isResolved: flags.flag("resolve") !== false,
    slotWidth: target.slotWidth,
  };
  const lines = new LogLines(layout, control);
  // Whoever follows is told at once; without `follow` the manager says at the end what it could not get.
  if (options.follow) await printMissing(target, connection, context);
  try {
    const stream = logs.SubscribeLogs({ selector: target.selector, options }, { signal: context.signal });
    for await (const message of stream) await printMessages(message, lines, context);
  } catch (error) {
    if (!isSwarmError(error, "UNKNOWN")) throw error;
    await printMissing(target, connection, context);
    throw new LocalFailure(error.code, `error from daemon in stream: Error grabbing logs: ${error.message}`);
  }
}

async function printMessages(
  { messages = [] }: SubscribeLogsMessage,
  lines: LogLines,
  context: CliContext,
): Promise<void> {
  for (const message of messages) {
    const isError = message.stream === "LOG_STREAM_STDERR";
    await context.write(isError ? "err" : "out", await lines.format(message));
  }
}

async function printMissing(target: LogTarget, { control }: Connection, context: CliContext): Promise<void> {
  for (const line of await missingLogs(control, target)) context.err(`${line}\n`);
}

const ttyRefusal = ({ kind }: LogTarget): string => `tty ${kind} logs only supported with --raw`;
