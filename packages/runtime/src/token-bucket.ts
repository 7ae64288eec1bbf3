import type { Clock } from "./clock.ts";
import type { Duration } from "./durations.ts";

/** Admits bursts of `capacity` and, on the long run, one per `interval`. */
export interface TokenBucketOptions {
  readonly capacity: number;
  readonly interval: Duration;
}

/** So many at once, so many in the long run: for everything that a peer may do only now and then. */
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
    this.#fill();
    if (this.#level < amount) return false;
    this.#level -= amount;
    return true;
  }

  /** True for one that nothing was taken from lately: it is as good as new. */
  get isFull(): boolean {
    this.#fill();
    return this.#level >= this.#options.capacity;
  }

  #fill(): void {
    const now = this.#clock.monotonic();
    this.#level = Math.min(this.#options.capacity, this.#level + (now - this.#at) / this.#options.interval);
    this.#at = now;
  }
}
