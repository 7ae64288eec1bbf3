import { expect, test } from "vitest";
import { cryptoRandom } from "./random.ts";

test("no byte is given out twice, however many are asked for at once", () => {
  const random = cryptoRandom();
  const sizes = [12, 17, 64, 65, 5_000, 1, 20];
  const seen = new Set<string>();
  let windows = 0;
  for (let round = 0; round < 200; round += 1) {
    const bytes = random.bytes(sizes[round % sizes.length] ?? 12);
    expect(bytes.length).toBe(sizes[round % sizes.length]);
    // Eight bytes that come twice are no accident.
    for (let at = 0; at + 8 <= bytes.length; at += 8) {
      seen.add(bytes.toString("hex", at, at + 8));
      windows += 1;
    }
  }
  expect(seen.size).toBe(windows);
});

test("what was given out belongs to its owner", () => {
  const random = cryptoRandom();
  const first = random.bytes(16);
  const copy = Buffer.from(first);
  for (let round = 0; round < 1_000; round += 1) random.bytes(16).fill(0xff);
  expect(first.equals(copy)).toBe(true);
  expect(first.equals(Buffer.alloc(16))).toBe(false);
});
