import { type Duration, milliseconds, type Random } from "@mswarm/runtime";

const stepMs = 100;
// Less than SwarmKit's 8 s: mswarm's managers take a node for gone 3 s after its connection broke, and its tasks would move
// although only managers were restarted, one after the other.
const maxMs = 2_000;

/**
 * Pause after a failed session: random below a bound that starts at 100 ms and grows to twice itself and 100 ms more,
 * 2 s at most. Source: swarmkit agent/agent.go, run (wire reference 6.7).
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
