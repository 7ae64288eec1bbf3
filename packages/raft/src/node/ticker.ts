import type { Clock, Duration, Timer } from "@mswarm/runtime";

/**
 * Calls `tick` once per interval. A late tick delays the next: after a pause of the process time goes on, it does not
 * rush, so that messages that waited in the sockets are seen before an election timeout passes.
 */
export class Ticker {
  readonly #clock: Clock;
  readonly #tick: () => void;
  #interval: Duration;
  #timer: Timer | undefined;

  constructor(clock: Clock, interval: Duration, tick: () => void) {
    this.#clock = clock;
    this.#interval = interval;
    this.#tick = tick;
  }

  get interval(): Duration {
    return this.#interval;
  }

  /** Takes effect at once: the running interval begins anew. */
  set interval(interval: Duration) {
    this.#interval = interval;
    if (this.#timer !== undefined) this.start();
  }

  start(): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.timer(this.#interval, () => {
      this.start();
      this.#tick();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
