import { isSwarmError, messageOf } from "@mswarm/runtime";
import { CommanderError } from "commander";
import type { CliContext } from "./cli-context.ts";
import { UsageError } from "./flags/option-values.ts";
import { describeError } from "./output/errors.ts";
import { type AddCommand, createProgram } from "./program.ts";

/** 0: done; 1: refused or failed; 2: the command line cannot be meant. DESIGN section 10. */
export type ExitCode = 0 | 1 | 2;

/** Runs one command line (without `node` and script) and says what to exit with. Never rejects. */
export async function runCommandLine(
  argv: readonly string[],
  context: CliContext,
  more: readonly AddCommand[] = [],
): Promise<ExitCode> {
  try {
    await createProgram(context, more).parseAsync([...argv], { from: "user" });
    return 0;
  } catch (error) {
    return report(error, context);
  }
}

function report(error: unknown, context: CliContext): ExitCode {
  // commander has printed its message already; help and version end with 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof UsageError) {
    context.err(`mswarm: ${error.message}\nRun the command with --help for more information.\n`);
    return 2;
  }
  if (context.signal.aborted) return 1;
  // Anything but a SwarmError is a mistake in this program, and its stack says where.
  const text = isSwarmError(error)
    ? describeError(error)
    : error instanceof Error
      ? (error.stack ?? error.message)
      : messageOf(error);
  context.err(`${text}\n`);
  return 1;
}
