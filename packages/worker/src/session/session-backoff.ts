import { type Duration, milliseconds, type Random } from "@mswarm/runtime";

const stepMs = 100;
const maxMs = 8_000;

/**
 * Pause after a failed session: random below a bound that starts at 100 ms and grows to twice itself and 100 ms more,
 * 8 s at most. Source: swarmkit agent/agent.go, run (wire reference 6.7).
 */
export class SessionBackoff {
  readonly #random: Random;
  #boundMs = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** The pause before the next attempt; each call counts as one failure. */
  next(): Duration {
    this.#boundMs = Math.min(maxMs, stepMs + 2 * this.#boundMs);
    return milliseconds(this.#random.fraction() * this.#boundMs);
  }

  /** After a session that held. */
  reset(): void {
    this.#boundMs = 0;
  }
}
