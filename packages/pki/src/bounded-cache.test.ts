import { expect, test } from "vitest";
import { BoundedCache } from "./bounded-cache.ts";

test("a value is made once while it is in use, and again after others pushed it out", () => {
  const made: string[] = [];
  const cache = new BoundedCache<string>(2);
  const use = (key: string): string =>
    cache.get(key, () => {
      made.push(key);
      return key.toUpperCase();
    });
  for (const key of ["a", "b", "a", "c", "a", "b"]) expect(use(key)).toBe(key.toUpperCase());
  // c pushed out b, which had not been used for longest.
  expect(made).toEqual(["a", "b", "c", "b"]);
});

test("a failure is not remembered", () => {
  const cache = new BoundedCache<number>(2);
  expect(() =>
    cache.get("a", () => {
      throw new RangeError("damaged");
    }),
  ).toThrow("damaged");
  expect(cache.get("a", () => 1)).toBe(1);
});
