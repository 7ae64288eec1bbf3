import type { Clock, Duration } from "@mswarm/runtime";

/** Admits bursts of `capacity` and, on the long run, one per `interval`. */
export interface TokenBucketOptions {
  readonly capacity: number;
  readonly interval: Duration;
}

export class TokenBucket {
  readonly #clock: Clock;
  readonly #options: TokenBucketOptions;
  #level: number;
  #at: Duration;

  constructor(clock: Clock, options: TokenBucketOptions) {
    this.#clock = clock;
    this.#options = options;
    this.#level = options.capacity;
    this.#at = clock.monotonic();
  }

  /** Takes `amount`; false, and takes nothing, when there is less left. */
  take(amount = 1): boolean {
    const now = this.#clock.monotonic();
    this.#level = Math.min(this.#options.capacity, this.#level + (now - this.#at) / this.#options.interval);
    this.#at = now;
    if (this.#level < amount) return false;
    this.#level -= amount;
    return true;
  }
}
