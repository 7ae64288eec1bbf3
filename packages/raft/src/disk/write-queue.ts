import { failedPrecondition, InvariantViolation, type SwarmError } from "@mswarm/runtime";
import { diskError } from "./log-database.ts";

/**
 * Runs pieces of work one after the other. After the first failure all later ones fail with the same error: nobody knows
 * what a disk did with a write it refused.
 */
export class WriteQueue {
  #last: Promise<unknown> = Promise.resolve();
  #failure: SwarmError | undefined;

  /** @param doing  names the work in its error, as in "appending" */
  run<T>(doing: string, work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(async () => {
      if (this.#failure !== undefined) throw this.#failure;
      try {
        return await work();
      } catch (error) {
        if (error instanceof InvariantViolation) throw error;
        const failure = diskError(doing, error);
        this.fail(failure);
        throw failure;
      }
    });
    // The caller gets the rejection; the queue only needs to know that the work is over.
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** Every later piece of work fails with `error`. */
  fail(error: SwarmError): void {
    this.#failure ??= error;
  }

  /** Waits for running work and refuses more. */
  async close(): Promise<void> {
    await this.#last;
    this.fail(failedPrecondition("raft log: it is closed"));
  }
}
