// Keeps the worker of this node running: one that fails is replaced.
import { Backoff, type Clock, type Logger, messageOf, type Random, seconds } from "@mswarm/runtime";
import type { Worker } from "@mswarm/worker";

export interface WorkerHostParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** A worker is run once, so each try needs a new one. */
  readonly createWorker: () => Worker;
}

const firstPause = seconds(1);
const longestPause = seconds(30);

export class WorkerHost {
  readonly #parts: WorkerHostParts;
  #worker: Worker;
  #failure: string | undefined;

  constructor(parts: WorkerHostParts) {
    this.#parts = parts;
    this.#worker = parts.createWorker();
  }

  /** Why no worker runs at the moment. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** True when the managers have removed this node. */
  get wasRemoved(): boolean {
    return this.#worker.wasRemoved;
  }

  refreshDescription(): void {
    this.#worker.refreshDescription();
  }

  leave(signal: AbortSignal): Promise<void> {
    return this.#worker.leave(signal);
  }

  /** Until the signal aborts. Containers stay. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, log, createWorker } = this.#parts;
    const backoff = new Backoff({ base: firstPause, max: longestPause }, random);
    for (;;) {
      try {
        await this.#worker.run(signal);
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.#failure = messageOf(error);
        log.error({ reason: this.#failure, err: error }, "the worker has failed and is started again");
      }
      await clock.sleep(backoff.next(), signal).catch(() => undefined);
      if (signal.aborted) return;
      this.#worker = createWorker();
      this.#failure = undefined;
    }
  }
}
