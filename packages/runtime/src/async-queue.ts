import { abortReason } from "./lifecycle.ts";

/**
 * A bounded queue between one producer side and one consumer loop. `push` never waits: it says whether there was room,
 * and the producer decides what a full queue means.
 */
export class AsyncQueue<T> implements AsyncIterable<T> {
  readonly #items: T[] = [];
  readonly #limit: number;
  #ended = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  /** @param limit  most items held; at least 1 */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get length(): number {
    return this.#items.length;
  }

  /** False when the queue is full or has ended; the item is then not taken. */
  push(item: T): boolean {
    if (this.#ended || this.#items.length >= this.#limit) return false;
    this.#items.push(item);
    this.#wake?.();
    return true;
  }

  /** No more items; the consumer gets what is queued and then ends. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** The consumer fails with `error` at once; queued items are dropped. */
  fail(error: Error): void {
    this.#failure = error;
    this.#ended = true;
    this.#items.length = 0;
    this.#wake?.();
  }

  /** The next item; undefined after the end. Rejects after `fail`, or with the signal's reason. */
  async next(signal?: AbortSignal): Promise<T | undefined> {
    while (this.#items.length === 0) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) return undefined;
      if (signal?.aborted) throw abortReason(signal);
      await new Promise<void>((resolve) => {
        const done = (): void => {
          this.#wake = undefined;
          signal?.removeEventListener("abort", done);
          resolve();
        };
        this.#wake = done;
        signal?.addEventListener("abort", done, { once: true });
      });
    }
    return this.#items.shift();
  }

  /** Everything queued now, without waiting. */
  drain(): T[] {
    return this.#items.splice(0);
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    for (;;) {
      const item = await this.next();
      if (item === undefined) return;
      yield item;
    }
  }
}
