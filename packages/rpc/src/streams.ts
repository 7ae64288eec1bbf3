// Async iterables against the streams of grpc-js, with back-pressure in both directions.
import type { Writable } from "node:stream";
import { abortReason } from "@mswarm/runtime";

/**
 * Gives every item of `source` to `sink`, one at a time; a promise that `sink` returns is awaited before the next item
 * is asked for. When the signal aborts, `source` is `return()`ed at once, even while it owes an item, and the result
 * rejects with the signal's reason. Resolves when `source` ends, rejects when it or `sink` fails.
 */
export function consume<T>(
  source: AsyncIterable<T>,
  sink: (item: T) => Promise<void> | undefined,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const iterator = source[Symbol.asyncIterator]();
    let over = false;

    const finish = (settle: () => void): void => {
      if (over) return;
      over = true;
      signal.removeEventListener("abort", onAbort);
      settle();
    };
    const abandon = (error: unknown): void =>
      finish(() => {
        // Nobody waits for an abandoned source, so nobody hears how its clean-up fails.
        iterator.return?.().then(undefined, () => undefined);
        reject(error);
      });
    const onAbort = (): void => abandon(abortReason(signal));
    const fail = (error: unknown): void => finish(() => reject(error));

    const next = (): void => {
      iterator.next().then(take, fail);
    };
    const take = (result: IteratorResult<T>): void => {
      if (over) return;
      if (result.done) {
        finish(resolve);
        return;
      }
      try {
        const pause = sink(result.value);
        if (pause === undefined) next();
        else pause.then(next, abandon);
      } catch (error) {
        abandon(error);
      }
    };

    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener("abort", onAbort, { once: true });
    next();
  });
}

/** Writes one item; a promise is returned when the stream is full, and resolves when there is room or it has ended. */
export function writeTo(stream: Writable, item: unknown): Promise<void> | undefined {
  if (stream.destroyed || stream.writableEnded) return undefined;
  return stream.write(item) ? undefined : drained(stream);
}

function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off("drain", done);
      stream.off("close", done);
      stream.off("finish", done);
      resolve();
    };
    stream.on("drain", done);
    stream.on("close", done);
    stream.on("finish", done);
  });
}

/** Each item of `source`, converted. Leaving the result leaves the source. */
export async function* mapped<T, R>(source: AsyncIterable<T>, convert: (item: T) => R): AsyncGenerator<R> {
  for await (const item of source) yield convert(item);
}
