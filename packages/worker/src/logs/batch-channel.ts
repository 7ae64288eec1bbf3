import { abortReason } from "@mswarm/runtime";

/**
 * Between several producers, which wait while it is full, and one consumer, which takes all there is at once.
 */
export class BatchChannel<T> {
  readonly #limit: number;
  #items: T[] = [];
  #isClosed = false;
  readonly #waiting = new Set<() => void>();

  /** @param limit  items that fit before producers wait; at least 1 */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Waits for room. After `close` the item is dropped. Rejects when the signal aborts. */
  async send(item: T, signal: AbortSignal): Promise<void> {
    while (this.#items.length >= this.#limit && !this.#isClosed) await this.#change(signal);
    if (this.#isClosed) return;
    this.#items.push(item);
    this.#wake();
  }

  /** Everything sent since the last call, waiting for at least one item; undefined after the end. */
  async take(signal: AbortSignal): Promise<readonly T[] | undefined> {
    while (this.#items.length === 0) {
      if (this.#isClosed) return undefined;
      await this.#change(signal);
    }
    const items = this.#items;
    this.#items = [];
    this.#wake();
    return items;
  }

  /** No more items; what is in the channel can still be taken. */
  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  #wake(): void {
    for (const resume of [...this.#waiting]) resume();
  }

  async #change(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw abortReason(signal);
    await new Promise<void>((resolve) => {
      const resume = (): void => {
        this.#waiting.delete(resume);
        signal.removeEventListener("abort", resume);
        resolve();
      };
      this.#waiting.add(resume);
      signal.addEventListener("abort", resume, { once: true });
    });
    if (signal.aborted) throw abortReason(signal);
  }
}
