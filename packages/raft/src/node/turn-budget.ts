import { type Clock, type Duration, milliseconds } from "@mswarm/runtime";

/** Work without a pause before timers and sockets get their turn. */
const turnMax = milliseconds(20);

/** Keeps one loop from holding the event loop for long. */
export class TurnBudget {
  readonly #clock: Clock;
  #began: Duration;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#began = clock.monotonic();
  }

  /** Something was awaited that lets everything else run. */
  renew(): void {
    this.#began = this.#clock.monotonic();
  }

  async pauseIfSpent(): Promise<void> {
    if (this.#clock.monotonic() - this.#began < turnMax) return;
    await this.#clock.sleep(milliseconds(0));
    this.renew();
  }
}
