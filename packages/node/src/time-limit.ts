import { type Clock, childAbort, type Duration, deadlineExceeded } from "@mswarm/runtime";

/**
 * Runs `work` with a signal that aborts after `limit`, or with `signal`. `work` decides what that means; the reason of a
 * limit is a DEADLINE_EXCEEDED with `complaint`.
 */
export async function within<R>(
  limit: Duration,
  bound: { readonly clock: Clock; readonly complaint: string },
  work: (signal: AbortSignal) => Promise<R>,
  signal: AbortSignal,
): Promise<R> {
  const attempt = childAbort(signal);
  const timer = bound.clock.timer(limit, () => attempt.abort(deadlineExceeded(bound.complaint)));
  try {
    return await work(attempt.signal);
  } finally {
    timer.cancel();
    attempt.release();
  }
}
