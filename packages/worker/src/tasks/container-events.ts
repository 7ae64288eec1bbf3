// One event stream of the engine, given to the tasks' loops as "look again". Events are hints: after a break, and every
// few seconds anyway, everyone who waits looks again.
import type { Engine } from "@mswarm/engine";
import { abortReason, type Clock, type Duration, type Logger, messageOf, seconds, Wakeup } from "@mswarm/runtime";

const reconnectDelay: Duration = seconds(1);
// An event may be lost between the engine's answer and its subscription.
const patience: Duration = seconds(5);

/** Changes of one container. Close it after use. */
export interface ContainerWatch {
  /** Resolves after a change since the last wait, and after 5 s without one. */
  changed(signal: AbortSignal): Promise<void>;
  close(): void;
}

export class ContainerEvents {
  readonly #engine: Pick<Engine, "events">;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #watches = new Map<string, Set<Wakeup>>();

  constructor(parts: { readonly engine: Pick<Engine, "events">; readonly clock: Clock; readonly log: Logger }) {
    this.#engine = parts.engine;
    this.#clock = parts.clock;
    this.#log = parts.log;
  }

  watch(containerId: string): ContainerWatch {
    const wakeup = new Wakeup();
    const watches = this.#watches.get(containerId) ?? new Set();
    this.#watches.set(containerId, watches.add(wakeup));
    return {
      changed: async (signal) => {
        const timer = this.#clock.timer(patience, () => wakeup.notify());
        try {
          await wakeup.wait(signal);
        } finally {
          timer.cancel();
        }
      },
      close: () => {
        watches.delete(wakeup);
        if (watches.size === 0 && this.#watches.get(containerId) === watches) this.#watches.delete(containerId);
      },
    };
  }

  /** Reads the engine's events until the signal aborts; an engine that goes away is asked again every second. */
  async run(signal: AbortSignal): Promise<never> {
    for (;;) {
      try {
        for await (const { containerId } of this.#engine.events(signal)) {
          for (const wakeup of this.#watches.get(containerId) ?? []) wakeup.notify();
        }
      } catch (error) {
        if (signal.aborted) throw abortReason(signal);
        this.#log.debug({ error: messageOf(error) }, "the engine's event stream broke");
      }
      for (const watches of this.#watches.values()) for (const wakeup of watches) wakeup.notify();
      await this.#clock.sleep(reconnectDelay, signal);
    }
  }
}
