import type { LogOptions } from "@mswarm/engine";
import { invalidArgument } from "@mswarm/runtime";
import type { LogSelector, LogSubscriptionOptions, Task } from "@mswarm/wire";

/**
 * A subscription's options for the engine; undefined: nothing is wanted at all.
 * `tail` counts oddly on the wire: 0 is everything, −1 nothing, −n the last n − 1 lines.
 * INVALID_ARGUMENT: a positive tail, which would count from the beginning. Source: wire reference 6.10.
 */
export function engineLogOptions(options: LogSubscriptionOptions | undefined): LogOptions | undefined {
  const streams = options?.streams ?? [];
  const tail = Number(options?.tail ?? 0);
  if (tail > 0) throw invalidArgument("tail relative to start of logs not supported via docker API");
  const follow = options?.follow ?? false;
  if (tail === -1 && !follow) return undefined;
  const since = options?.since;
  return {
    stdout: streams.length === 0 || streams.includes("LOG_STREAM_STDOUT"),
    stderr: streams.length === 0 || streams.includes("LOG_STREAM_STDERR"),
    follow,
    ...(tail === 0 ? {} : { tail: -tail - 1 }),
    ...(since === undefined ? {} : { since: { seconds: since.seconds ?? "0", nanos: since.nanos ?? 0 } }),
  };
}

/** True when a subscription wants the logs of this task: by its id, its service or its node. */
export function isSelected(task: Task, nodeId: string, selector: LogSelector | undefined): boolean {
  return (
    (selector?.taskIds ?? []).includes(task.id ?? "") ||
    (selector?.serviceIds ?? []).includes(task.serviceId ?? "") ||
    (selector?.nodeIds ?? []).includes(nodeId)
  );
}
