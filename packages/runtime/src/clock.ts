// The only file of the product that touches Date, performance and timers.
import type { Duration, Instant } from "./durations.ts";
import { abortReason } from "./lifecycle.ts";

export interface Timer {
  /** Stops the timer; harmless when it has already fired. */
  cancel(): void;
}

/** Time as a parameter. The simulated twin is in `@mswarm/runtime/simulated`. */
export interface Clock {
  /** Wall clock; may jump. For certificates, timestamps and nothing else. */
  now(): Instant;
  /** Never goes back. For measuring spans. */
  monotonic(): Duration;
  /** Calls `fire` once after `span`; a span of zero or less fires in the next turn of the event loop. */
  timer(span: Duration, fire: () => void): Timer;
  /**
   * Resolves after `span`. Rejects with the signal's reason when it aborts first.
   */
  sleep(span: Duration, signal?: AbortSignal): Promise<void>;
}

// Node clamps longer timers to 1 ms; a later re-arm is correct and costs one wake-up every 24 days.
const longestTimer = 2_147_483_647;

function realTimer(span: Duration, fire: () => void): Timer {
  let handle: NodeJS.Timeout;
  const arm = (left: number): void => {
    handle =
      left > longestTimer
        ? setTimeout(() => arm(left - longestTimer), longestTimer)
        : setTimeout(fire, Math.max(0, left));
  };
  arm(span);
  return { cancel: () => clearTimeout(handle) };
}

/** Builds `sleep` from `timer`, for both clocks. */
export function sleepWith(timer: Clock["timer"], span: Duration, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(abortReason(signal));
      return;
    }
    const onAbort = (): void => {
      pending.cancel();
      reject(abortReason(signal));
    };
    const pending = timer(span, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

export function systemClock(): Clock {
  return {
    now: () => Date.now() as Instant,
    monotonic: () => performance.now() as Duration,
    timer: realTimer,
    sleep: (span, signal) => sleepWith(realTimer, span, signal),
  };
}
