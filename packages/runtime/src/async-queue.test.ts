import { expect, test } from "vitest";
import { AsyncQueue } from "./async-queue.ts";
import { SwarmError } from "./errors.ts";

test("items come out in order, and the end after them", async () => {
  const queue = new AsyncQueue<number>(10);
  queue.push(1);
  queue.push(2);
  queue.end();
  const seen: number[] = [];
  for await (const item of queue) seen.push(item);
  expect(seen).toEqual([1, 2]);
});

test("a full queue says so and keeps what it has", async () => {
  const queue = new AsyncQueue<number>(1);
  expect([queue.push(1), queue.push(2)]).toEqual([true, false]);
  expect(await queue.next()).toBe(1);
  expect(queue.push(3)).toBe(true);
});

test("a waiting consumer gets an item, a failure or an abort", async () => {
  const queue = new AsyncQueue<number>(1);
  const item = queue.next();
  queue.push(4);
  expect(await item).toBe(4);
  const controller = new AbortController();
  const aborted = queue.next(controller.signal);
  controller.abort(new SwarmError("CANCELLED", "gone"));
  await expect(aborted).rejects.toThrow("gone");
  const failed = queue.next();
  queue.fail(new SwarmError("ABORTED", "broken"));
  await expect(failed).rejects.toThrow("broken");
});
