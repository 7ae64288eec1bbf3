// A task whose container has a health check is RUNNING only once healthy, and ends when it turns unhealthy.
import type { ContainerState } from "@mswarm/engine";
import { type ChildAbort, type Clock, childAbort, isSwarmError, seconds } from "@mswarm/runtime";
import type { ContainerWatch } from "./container-events.ts";
import { containerDestroyed, TaskExit, unhealthyText } from "./task-failure.ts";

type Inspect = () => Promise<ContainerState | undefined>;

/**
 * Resolves when the container is healthy, or has ended well before it came to that.
 * TaskExit: it ended badly, or was stopped here because it is unhealthy.
 */
export async function awaitHealth(
  inspect: Inspect,
  stop: () => Promise<void>,
  watch: ContainerWatch,
  signal: AbortSignal,
): Promise<void> {
  try {
    for (;;) {
      const state = await inspect();
      if (state === undefined) throw containerDestroyed();
      if (hasEnded(state)) {
        if (state.exitCode !== 0) throw new TaskExit(state.exitCode, state.error);
        return;
      }
      if (state.health === "healthy" || state.health === "none") return;
      if (state.health === "unhealthy") {
        await stop();
        throw new TaskExit((await inspect())?.exitCode ?? 0, unhealthyText);
      }
      await watch.changed(signal);
    }
  } finally {
    watch.close();
  }
}

/** A paused container has not ended: its health stays what it was. */
const hasEnded = ({ status }: ContainerState): boolean => status !== "running" && status !== "paused";

export interface HealthGuard {
  /** Ends the guard; `cause` then settles. */
  readonly end: () => void;
  /** Why the container was stopped here; "" when it was not. */
  readonly cause: Promise<string>;
}

/** Stops a running container as soon as it is unhealthy. */
export function stopWhenUnhealthy(
  inspect: Inspect,
  stop: () => Promise<void>,
  watch: ContainerWatch,
  clock: Clock,
  signal: AbortSignal,
): HealthGuard {
  const abort = childAbort(signal);
  const cause = guard(inspect, stop, watch, clock, abort).finally(() => {
    watch.close();
    abort.release();
  });
  return { end: () => abort.abort(), cause };
}

async function guard(
  inspect: Inspect,
  stop: () => Promise<void>,
  watch: ContainerWatch,
  clock: Clock,
  { signal }: ChildAbort,
): Promise<string> {
  while (!signal.aborted) {
    try {
      const state = await inspect();
      // Without a check there is nothing to guard; an end is noticed by the one who waits for it.
      if (state === undefined || hasEnded(state) || state.health === "none") return "";
      if (state.health === "unhealthy") {
        await stop();
        return unhealthyText;
      }
      await watch.changed(signal);
    } catch (error) {
      if (signal.aborted) return "";
      if (!isSwarmError(error, "UNAVAILABLE")) return "";
      await clock.sleep(seconds(1), signal).catch(() => undefined);
    }
  }
  return "";
}
