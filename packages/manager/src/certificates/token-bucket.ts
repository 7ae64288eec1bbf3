import { type Clock, type Duration, seconds } from "@mswarm/runtime";

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

  /** Takes one; false when there is none left. */
  take(): boolean {
    const now = this.#clock.monotonic();
    this.#level = Math.min(this.#options.capacity, this.#level + (now - this.#at) / this.#options.interval);
    this.#at = now;
    if (this.#level < 1) return false;
    this.#level -= 1;
    return true;
  }
}

/** Enough for a cluster of a thousand nodes that starts at once and tries for ten seconds, as Docker's nodes do. */
export const joinRate: TokenBucketOptions = { capacity: 500, interval: seconds(0.02) };

/** A node renews once in weeks; one that changes its role or follows a root rotation a few times in a row. */
export const renewalRate: TokenBucketOptions = { capacity: 10, interval: seconds(2) };
