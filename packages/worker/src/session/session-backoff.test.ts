import { expect, test } from "vitest";
import { SessionBackoff } from "./session-backoff.ts";

const atBound = { fraction: () => 1, below: () => 0, bytes: () => Buffer.alloc(0) };

test("the first retry comes within 100 ms, later ones within twice the bound and 100 ms, 2 s at most, before a manager takes the node for gone", () => {
  const backoff = new SessionBackoff(atBound);
  const bounds = Array.from({ length: 9 }, () => backoff.next());
  expect(bounds).toEqual([100, 300, 700, 1_500, 2_000, 2_000, 2_000, 2_000, 2_000]);
  backoff.reset();
  expect(backoff.next()).toBe(100);
});
