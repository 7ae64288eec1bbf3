import { abortReason } from "./lifecycle.ts";

/**
 * A level-triggered signal for one waiting loop: any number of `notify` calls between two waits count as one.
 */
export class Wakeup {
  #pending = false;
  #waiter: (() => void) | undefined;

  notify(): void {
    this.#pending = true;
    this.#waiter?.();
  }

  /** Resolves after the next (or an already pending) notify; rejects with the signal's reason. One waiter at a time. */
  async wait(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw abortReason(signal);
    if (!this.#pending) {
      await new Promise<void>((resolve, reject) => {
        const onAbort = (): void => {
          this.#waiter = undefined;
          reject(abortReason(signal));
        };
        this.#waiter = () => {
          this.#waiter = undefined;
          signal.removeEventListener("abort", onAbort);
          resolve();
        };
        signal.addEventListener("abort", onAbort, { once: true });
      });
    }
    this.#pending = false;
  }
}
