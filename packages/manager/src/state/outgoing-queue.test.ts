import type { RaftMessage } from "@mswarm/raft";
import { expect, test } from "vitest";
import { OutgoingQueue } from "./outgoing-queue.ts";

const { signal } = new AbortController();
const message = (index: number, bytes = 0): RaftMessage => ({
  type: "app",
  to: "2",
  from: "1",
  term: 1,
  logTerm: 1,
  index,
  entries: [{ type: "normal", term: 1, index: index + 1, data: Buffer.alloc(bytes) }],
  commit: 0,
  reject: false,
  rejectHint: 0,
});

test("everything that waits travels in one batch, in order", async () => {
  const queue = new OutgoingQueue();
  const waiting = queue.batch(signal);
  for (let index = 0; index < 100; index += 1) queue.push(message(index));
  const indexes = (await waiting).map(({ index }) => index);
  expect(indexes).toEqual(Array.from({ length: 100 }, (_, at) => at));
  expect(queue.isEmpty).toBe(true);
});

test("a batch stays below a megabyte, but a larger message travels alone", async () => {
  const queue = new OutgoingQueue();
  for (const bytes of [600_000, 600_000, 1_500_000, 10]) queue.push(message(0, bytes));
  const sizes: number[] = [];
  while (!queue.isEmpty) sizes.push((await queue.batch(signal)).length);
  expect(sizes).toEqual([1, 1, 1, 1]);
});

test("a peer that does not read gets no more than 4096 messages or 64 megabytes", () => {
  const many = new OutgoingQueue();
  expect(Array.from({ length: 5_000 }, (_, at) => many.push(message(at))).filter(Boolean).length).toBe(4_096);
  const large = new OutgoingQueue();
  expect(Array.from({ length: 100 }, (_, at) => large.push(message(at, 1_000_000))).filter(Boolean).length).toBe(67);
});

test("what is cleared makes room", () => {
  const queue = new OutgoingQueue();
  for (let index = 0; index < 4_096; index += 1) queue.push(message(index, 10_000));
  expect(queue.push(message(1))).toBe(false);
  expect(queue.clear().length).toBe(4_096);
  expect(queue.push(message(1))).toBe(true);
});
