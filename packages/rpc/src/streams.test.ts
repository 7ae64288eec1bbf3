import { PassThrough, Writable } from "node:stream";
import { SwarmError } from "@mswarm/runtime";
import { settle } from "@mswarm/runtime/simulated";
import { expect, test } from "vitest";
import { consume, writeTo } from "./streams.ts";

async function* numbers(count: number): AsyncGenerator<number> {
  for (let item = 0; item < count; item += 1) yield item;
}

test("items arrive in order, and the next is asked for only when the last was taken", async () => {
  const seen: number[] = [];
  let busy = false;
  const take = async (item: number): Promise<void> => {
    expect(busy).toBe(false);
    busy = true;
    await settle();
    busy = false;
    seen.push(item);
  };
  await consume(numbers(5), take, new AbortController().signal);
  expect(seen).toEqual([0, 1, 2, 3, 4]);
});

test("an abort returns the source at once, even while it owes an item", async () => {
  let returned = false;
  const source: AsyncIterable<number> = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => undefined),
      return: async () => {
        returned = true;
        return { done: true, value: undefined };
      },
    }),
  };
  const controller = new AbortController();
  const reason = new SwarmError("CANCELLED", "gone");
  const consumed = consume(source, () => undefined, controller.signal);
  controller.abort(reason);
  await expect(consumed).rejects.toBe(reason);
  expect(returned).toBe(true);
});

test("a sink that fails leaves the source cleaned up", async () => {
  let cleaned = false;
  async function* source(): AsyncGenerator<number> {
    try {
      yield 1;
      yield 2;
    } finally {
      cleaned = true;
    }
  }
  const fail = (): undefined => {
    throw new SwarmError("INTERNAL", "no room");
  };
  await expect(consume(source(), fail, new AbortController().signal)).rejects.toThrow("no room");
  await settle();
  expect(cleaned).toBe(true);
});

test("writing to a full stream waits for room", async () => {
  const stream = new PassThrough({ objectMode: true, highWaterMark: 1 });
  const pause = writeTo(stream, 1) ?? writeTo(stream, 2);
  expect(pause).toBeInstanceOf(Promise);
  stream.resume();
  await pause;
});

test("waiting for room ends when the stream is destroyed", async () => {
  const stuck = new Writable({ objectMode: true, highWaterMark: 1, write: () => undefined });
  const pause = writeTo(stuck, 1);
  stuck.destroy();
  await pause;
  expect(writeTo(stuck, 2)).toBeUndefined();
});
