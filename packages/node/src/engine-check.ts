// Whether the engine of this node answers, in a bounded time.
import type { Engine } from "@mswarm/engine";
import { type Clock, type Duration, failedPrecondition, messageOf, seconds } from "@mswarm/runtime";
import type { DaemonOptions } from "./daemon-options.ts";
import { within } from "./time-limit.ts";

export interface EngineCheckParts {
  readonly engine: Pick<Engine, "ping">;
  readonly clock: Clock;
  readonly options: Pick<DaemonOptions, "engine">;
}

const wait = seconds(5);
/** A status is asked for by people and scripts that wait for it. */
const glance = seconds(1);

export async function engineAnswers(parts: EngineCheckParts, signal: AbortSignal): Promise<boolean> {
  return await ping(parts, glance, signal).then(
    () => true,
    () => false,
  );
}

/**
 * A node that could run nothing would look broken in the cluster; better to say so before it joins one.
 * Errors: FAILED_PRECONDITION.
 */
export async function requireEngine(parts: EngineCheckParts, signal: AbortSignal): Promise<void> {
  try {
    await ping(parts, wait, signal);
  } catch (error) {
    throw failedPrecondition(
      `no Docker Engine answers at ${parts.options.engine}: ${messageOf(error)}; start it, or start the daemon with --engine`,
      { cause: error },
    );
  }
}

function ping({ clock, engine }: EngineCheckParts, limit: Duration, signal: AbortSignal): Promise<void> {
  const bound = { clock, complaint: `no answer within ${limit / 1_000} seconds` };
  return within(limit, bound, (inTime) => engine.ping(inTime), signal);
}
