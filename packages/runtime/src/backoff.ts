import { type Duration, milliseconds } from "./durations.ts";
import type { Random } from "./random.ts";

export interface BackoffOptions {
  /** First delay. */
  readonly base: Duration;
  /** Upper bound of a delay. */
  readonly max: Duration;
  /** Growth per failure; 2 where absent. */
  readonly factor?: number;
}

/** Exponential back-off with full jitter: each delay is random in [0, current bound). */
export class Backoff {
  readonly #options: BackoffOptions;
  readonly #random: Random;
  #failures = 0;

  constructor(options: BackoffOptions, random: Random) {
    this.#options = options;
    this.#random = random;
  }

  /** The delay before the next attempt; each call counts as one failure. */
  next(): Duration {
    const { base, max, factor = 2 } = this.#options;
    const bound = Math.min(max, base * factor ** this.#failures);
    this.#failures += 1;
    return milliseconds(this.#random.fraction() * bound);
  }

  /** After a success. */
  reset(): void {
    this.#failures = 0;
  }
}
