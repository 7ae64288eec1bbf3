import { after, hours, type Instant, minutes, seconds } from "@mswarm/runtime";
import { SeededRandom } from "@mswarm/runtime/simulated";
import fc from "fast-check";
import { expect, test } from "vitest";
import { renewalBackoff, renewalDelay } from "./renewal.ts";

const start = 1_767_225_600_000 as Instant;

test("renewal is due between 50 % and 80 % of any life, on a whole minute after its start", () => {
  fc.assert(
    fc.property(fc.integer({ min: 120, max: 20 * 365 * 24 * 60 }), fc.integer(), (lifeMinutes, seed) => {
      const validity = { notBefore: start, notAfter: after(start, minutes(lifeMinutes)) };
      const delay = renewalDelay(validity, start, new SeededRandom(seed));
      expect(delay).toBeGreaterThanOrEqual(minutes(Math.floor(lifeMinutes * 0.5)));
      expect(delay).toBeLessThanOrEqual(minutes(lifeMinutes * 0.8));
      expect(delay % minutes(1)).toBe(0);
    }),
  );
});

test("the moments of many nodes are spread", () => {
  const validity = { notBefore: start, notAfter: after(start, hours(2_161)) };
  const random = new SeededRandom(1);
  const delays = Array.from({ length: 200 }, () => renewalDelay(validity, start, random));
  expect(new Set(delays).size).toBeGreaterThan(190);
});

test("an expired certificate, one without life, and one past 80 % are due at once", () => {
  const random = new SeededRandom(1);
  const validity = { notBefore: start, notAfter: after(start, hours(10)) };
  expect(renewalDelay(validity, after(start, hours(11)), random)).toBe(0);
  expect(renewalDelay(validity, after(start, hours(8)), random)).toBe(0);
  expect(renewalDelay({ notBefore: start, notAfter: start }, after(start, minutes(2)), random)).toBe(0);
});

test("the back-off grows from ten seconds to one hour and starts at nothing", () => {
  const bound = (failures: number): number =>
    renewalBackoff(failures, { fraction: () => 1, below: () => 0, bytes: Buffer.alloc });
  expect(bound(0)).toBe(0);
  expect(bound(1)).toBe(seconds(10));
  expect(bound(2)).toBe(seconds(15));
  expect(bound(1_000)).toBe(hours(1));
});
