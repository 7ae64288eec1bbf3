import { expect, test } from "vitest";
import { isId, newId } from "./ids.ts";
import { cryptoRandom, type Random } from "./random.ts";
import { SeededRandom } from "./simulated/random.ts";

const constant = (byte: number): Random => ({
  bytes: (count) => Buffer.alloc(count, byte),
  below: () => 0,
  fraction: () => 0,
});

test("an id has 25 characters whatever the random bytes are", () => {
  for (const random of [constant(0), constant(0xff), constant(0x7f), cryptoRandom(), new SeededRandom(1)]) {
    expect(isId(newId(random))).toBe(true);
  }
});

test("ids do not repeat", () => {
  const random = cryptoRandom();
  expect(new Set(Array.from({ length: 10_000 }, () => newId(random))).size).toBe(10_000);
});

test("one seed gives one run", () => {
  expect(newId(new SeededRandom(7))).toBe(newId(new SeededRandom(7)));
  expect(newId(new SeededRandom(7))).not.toBe(newId(new SeededRandom(8)));
});
