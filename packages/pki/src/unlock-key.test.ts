import { SeededRandom } from "@mswarm/runtime/simulated";
import { expect, test } from "vitest";
import { formatUnlockKey, newUnlockKey, parseUnlockKey } from "./unlock-key.ts";

test("an unlock key is read back", () => {
  const key = newUnlockKey(new SeededRandom(7));
  expect(formatUnlockKey(key)).toMatch(/^SWMKEY-1-[A-Za-z0-9+/]{43}$/);
  expect(parseUnlockKey(formatUnlockKey(key))).toEqual(key);
});

test.each(["", "SWMKEY-1-", `SWMKEY-1-${"A".repeat(44)}`, `SWMTKN-1-${"A".repeat(43)}`, `SWMKEY-1-${"A".repeat(42)}%`])(
  "%j is not an unlock key",
  (text) => {
    expect(() => parseUnlockKey(text)).toThrow(/^invalid key string$/);
  },
);
