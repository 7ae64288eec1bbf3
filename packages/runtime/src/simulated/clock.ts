import { type Clock, sleepWith, type Timer } from "../clock.ts";
import type { Duration, Instant } from "../durations.ts";

interface Pending {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
}

/**
 * A clock that stands still until it is told to move. Timers fire in order of time, then of creation; promises settle
 * between two timers, so that one seed gives one run.
 */
export class SimulatedClock implements Clock {
  #elapsed = 0;
  #order = 0;
  readonly #start: number;
  readonly #pending = new Set<Pending>();

  /** @param start  the wall clock at the beginning; 2026-01-01 where absent */
  constructor(start: Instant = 1_767_225_600_000 as Instant) {
    this.#start = start;
  }

  now(): Instant {
    return (this.#start + this.#elapsed) as Instant;
  }

  monotonic(): Duration {
    return this.#elapsed as Duration;
  }

  timer(span: Duration, fire: () => void): Timer {
    this.#order += 1;
    const entry: Pending = { at: this.#elapsed + Math.max(0, span), order: this.#order, fire };
    this.#pending.add(entry);
    return { cancel: () => void this.#pending.delete(entry) };
  }

  sleep(span: Duration, signal?: AbortSignal): Promise<void> {
    return sleepWith((delay, fire) => this.timer(delay, fire), span, signal);
  }

  /** Moves time forward by `span`, firing what falls due, and lets promises settle after each timer. */
  async advance(span: Duration): Promise<void> {
    const end = this.#elapsed + span;
    await settle();
    for (let next = this.#nextDue(end); next !== undefined; next = this.#nextDue(end)) {
      this.#pending.delete(next);
      this.#elapsed = Math.max(this.#elapsed, next.at);
      next.fire();
      await settle();
    }
    this.#elapsed = end;
  }

  #nextDue(end: number): Pending | undefined {
    let best: Pending | undefined;
    for (const entry of this.#pending) {
      if (entry.at > end) continue;
      if (best === undefined || entry.at < best.at || (entry.at === best.at && entry.order < best.order)) best = entry;
    }
    return best;
  }
}

/** Lets promise callbacks run until the microtask queue has been empty for one turn. */
export async function settle(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}
