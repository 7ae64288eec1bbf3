// A queue whose writers wait while it is full, so that a slow reader slows its sources down.

/** One reader, several writers. */
export class BoundedChannel<T> {
  readonly #limit: number;
  readonly #items: T[] = [];
  #writers: (() => void)[] = [];
  #reader: (() => void) | undefined;
  #ended = false;

  /** @param limit  items held before writers have to wait; at least 1 */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Resolves when the item is taken in; false when the channel has ended, and the item is dropped. */
  async push(item: T): Promise<boolean> {
    while (!this.#ended && this.#items.length >= this.#limit) {
      await new Promise<void>((resolve) => this.#writers.push(resolve));
    }
    if (this.#ended) return false;
    this.#items.push(item);
    this.#reader?.();
    return true;
  }

  /** No more items; the reader gets what is held and then ends. */
  end(): void {
    this.#ended = true;
    this.#wakeWriters();
    this.#reader?.();
  }

  /** The next item; undefined after the end. Undefined, too, when the signal aborts. */
  async next(signal: AbortSignal): Promise<T | undefined> {
    while (this.#items.length === 0 && !this.#ended && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#reader = undefined;
          signal.removeEventListener("abort", wake);
          resolve();
        };
        this.#reader = wake;
        signal.addEventListener("abort", wake, { once: true });
      });
    }
    if (signal.aborted) return undefined;
    const item = this.#items.shift();
    this.#wakeWriters();
    return item;
  }

  #wakeWriters(): void {
    const waiting = this.#writers;
    this.#writers = [];
    for (const wake of waiting) wake();
  }
}
