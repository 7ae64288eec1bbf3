import { expect, test } from "vitest";
import { PendingBytes } from "./pending-bytes.ts";

test("a peer's calls share one bound, other peers have their own, and nothing is left behind", () => {
  const pending = new PendingBytes();
  const [first, second, other] = [pending.open("a", 100), pending.open("a", 100), pending.open("b", 100)];
  expect(first.add(60)).toBe(true);
  expect(second.add(60)).toBe(false);
  expect(other.add(100)).toBe(true);
  first.clear();
  first.clear();
  expect(second.add(40)).toBe(true);
  second.close();
  expect(second.add(500)).toBe(true);
  other.clear();
  expect(pending.size).toBe(0);
});
