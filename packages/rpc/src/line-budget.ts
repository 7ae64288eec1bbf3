import type { Clock, Duration } from "@mswarm/runtime";
import { minutes } from "@mswarm/runtime";

/**
 * Lets through so many lines per minute of what a stranger can cause, so that nobody fills the disk from outside.
 * The first line of a new minute says how many were left out.
 */
export class LineBudget {
  readonly #clock: Clock;
  readonly #perWindow: number;
  readonly #window: Duration = minutes(1);
  #start: Duration;
  #used = 0;
  #suppressed = 0;

  constructor(perMinute: number, clock: Clock) {
    this.#perWindow = perMinute;
    this.#clock = clock;
    this.#start = clock.monotonic();
  }

  /** The fields to add to the line, or undefined when it is to be left out. */
  take(): { readonly suppressed?: number } | undefined {
    const now = this.#clock.monotonic();
    if (now - this.#start >= this.#window) {
      this.#start = now;
      this.#used = 0;
    }
    if (this.#used >= this.#perWindow) {
      this.#suppressed += 1;
      return undefined;
    }
    this.#used += 1;
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    return suppressed === 0 ? {} : { suppressed };
  }
}
