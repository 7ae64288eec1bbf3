import { isSwarmError, messageOf } from "@mswarm/runtime";
import { UsageError } from "../flags/option-values.ts";
import { LocalFailure } from "../local-failure.ts";

/** The line that a failed command ends with: with docker's prefix for what the daemon refused. */
export function describeError(error: unknown): string {
  const isLocal = error instanceof UsageError || error instanceof LocalFailure;
  return isSwarmError(error) && !isLocal ? `Error response from daemon: ${error.message.trimEnd()}` : messageOf(error);
}

/**
 * Does `work` for each of the arguments; what fails does not keep the others from being done.
 * Errors: one LocalFailure with a line for each argument that failed.
 */
export async function forEachArgument(texts: readonly string[], work: (text: string) => Promise<void>): Promise<void> {
  const failures: string[] = [];
  for (const text of texts) {
    try {
      await work(text);
    } catch (error) {
      if (!isSwarmError(error)) throw error;
      failures.push(describeError(error));
    }
  }
  if (failures.length > 0) throw new LocalFailure("UNKNOWN", failures.join("\n"));
}
