// commander with docker's habits: `--flag=false`, a hint at --help after a usage error, `--host` on every command.
import { Command, type ErrorOptions, Option, type ParseOptionsResult } from "commander";
import type { CliContext, Connection } from "./cli-context.ts";
import { unixSocketPath } from "./control/address.ts";
import { OptionValues } from "./flags/option-values.ts";

export class CliCommand extends Command {
  override createCommand(name?: string): CliCommand {
    return new CliCommand(name);
  }

  override parseOptions(argv: string[]): ParseOptionsResult {
    return super.parseOptions(spellOutBooleans(argv, this.options, this.hasPassThrough));
  }

  override error(message: string, options?: ErrorOptions): never {
    super.error(`${message}\n\nRun '${commandPath(this)} --help' for more information.`, options);
  }

  /** True when everything after the first argument belongs to the user's command, as for `service create`. */
  hasPassThrough = false;
}

/** `mswarm service create`. */
export function commandPath(command: Command): string {
  const parent = command.parent;
  return parent === null ? command.name() : `${commandPath(parent)} ${command.name()}`;
}

/** `--detach=false` is `--no-detach` to commander, which takes no value for a flag. */
function spellOutBooleans(argv: readonly string[], options: readonly Option[], stopsAtArgument: boolean): string[] {
  const spelled: string[] = [];
  for (let index = 0; index < argv.length; index += 1) {
    const argument = argv[index] ?? "";
    if (argument === "--" || (stopsAtArgument && !argument.startsWith("-"))) return [...spelled, ...argv.slice(index)];
    const { name, value } = /^--(?<name>[a-z-]+)=(?<value>true|false|1|0|t|f)$/i.exec(argument)?.groups ?? {};
    const isFlag = options.some((option) => option.long === `--${name}` && option.isBoolean());
    if (value !== undefined && isFlag) spelled.push(/^[1t]/i.test(value) ? `--${name}` : `--no-${name}`);
    else spelled.push(argument);
    const option = options.find(({ short, long }) => short === argument || long === argument);
    const next = argv[index + 1];
    if (option?.required && next !== undefined) {
      spelled.push(next);
      index += 1;
    }
  }
  return spelled;
}

/** Adds `--name`, which also understands `--name=false`. */
export function addFlag(command: Command, flags: string, description: string): void {
  command.option(flags, description);
  const long = /--(?<name>[a-z-]+)/.exec(flags)?.groups?.["name"] ?? "";
  command.addOption(new Option(`--no-${long}`).hideHelp());
}

/** Adds an option that may be given several times. */
export function addList(command: Command, flags: string, description: string): void {
  command.option(flags, description, (value: string, earlier: string[] | undefined) => [...(earlier ?? []), value]);
}

/** Adds `--host` where it means the daemon's socket, hidden: it is shown once, in the help of `mswarm` itself. */
export function addHost(command: Command): void {
  command.addOption(new Option("--host <address>", "Control socket of the daemon").hideHelp());
}

/** The options of a command as typed values. */
export const optionsOf = (command: Command): OptionValues => new OptionValues(command.opts());

/** The control socket: `--host` on the command or on `mswarm`, then MSWARM_HOST, then the default. */
export function socketPathOf(command: Command, context: CliContext): string {
  for (let owner: Command | null = command; owner !== null; owner = owner.parent) {
    const host: unknown = owner.opts()["host"];
    if (typeof host === "string") return unixSocketPath(host);
  }
  return unixSocketPath(context.environment["MSWARM_HOST"] || undefined);
}

/** Runs `use` on a connection to the daemon that the command names, and closes it; ctrl-c closes it too. */
export async function withConnection<R>(
  command: Command,
  context: CliContext,
  use: (connection: Connection) => Promise<R>,
): Promise<R> {
  const connection = await context.connect(socketPathOf(command, context));
  const onAbort = (): void => connection.close();
  context.signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await use(connection);
  } finally {
    context.signal.removeEventListener("abort", onAbort);
    connection.close();
  }
}
