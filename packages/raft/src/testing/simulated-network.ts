// A network that loses, delays, repeats and reorders messages, and can be cut in one direction or both.
import type { Random } from "@mswarm/runtime";
import type { RaftId, RaftMessage } from "../core/messages.ts";
import type { History } from "./history.ts";

/** Chances are per message, delays in moments. */
export interface NetworkWeather {
  readonly lossRate: number;
  readonly duplicateRate: number;
  readonly delayMax: number;
  /** Chance of a delay of up to `straggleMax` instead. */
  readonly straggleRate: number;
  readonly straggleMax: number;
}

export const calmNetwork: NetworkWeather = {
  lossRate: 0,
  duplicateRate: 0,
  delayMax: 2,
  straggleRate: 0,
  straggleMax: 0,
};

/** What becomes of a message that is sent: under way, or certainly lost. */
export type Fate = "sent" | "lost";

export class SimulatedNetwork {
  weather: NetworkWeather = calmNetwork;
  /** Delivery by moment: all of one moment are taken together, in order of sending. */
  readonly #inFlight = new Map<number, RaftMessage[]>();
  readonly #cut = new Set<string>();
  readonly #random: Random;
  readonly #history: History;

  constructor(random: Random, history: History) {
    this.#random = random;
    this.#history = history;
  }

  /** Cuts the way from `from` to `to`, not the way back. */
  cut(from: RaftId, to: RaftId): void {
    this.#cut.add(`${from}>${to}`);
  }

  isCut(from: RaftId, to: RaftId): boolean {
    return this.#cut.has(`${from}>${to}`);
  }

  /** Mends all cuts. */
  heal(): void {
    this.#cut.clear();
  }

  send(message: RaftMessage): Fate {
    const { lossRate, duplicateRate } = this.weather;
    if (this.isCut(message.from, message.to) || this.#random.fraction() < lossRate) return "lost";
    this.#schedule(message);
    if (this.#random.fraction() < duplicateRate) this.#schedule(message);
    return "sent";
  }

  /** Messages that would arrive at this moment; those whose way was cut meanwhile are still among them. */
  arrivals(moment: number): readonly RaftMessage[] {
    const messages = this.#inFlight.get(moment) ?? [];
    this.#inFlight.delete(moment);
    return messages;
  }

  #schedule(message: RaftMessage): void {
    const { delayMax, straggleRate, straggleMax } = this.weather;
    const limit = this.#random.fraction() < straggleRate ? straggleMax : delayMax;
    const at = this.#history.moment + 1 + this.#random.below(limit + 1);
    const queue = this.#inFlight.get(at);
    if (queue === undefined) this.#inFlight.set(at, [message]);
    else queue.push(message);
  }
}
