import { expect, test } from "vitest";
import type { Instant } from "./durations.ts";
import { durationOf, hours, milliseconds, seconds, timestampOf, wireDuration, wireTimestamp } from "./durations.ts";

test("durations cross the wire unchanged", () => {
  for (const span of [seconds(5), milliseconds(1.5), hours(2160), milliseconds(0), seconds(-3)]) {
    expect(durationOf(wireDuration(span), seconds(99))).toBeCloseTo(span, 6);
  }
});

test("an absent duration is the default, a present and empty one is zero", () => {
  expect(durationOf(undefined, seconds(5))).toBe(5_000);
  expect(durationOf({}, seconds(5))).toBe(0);
});

test("timestamps keep milliseconds, and absence", () => {
  const instant = 1_767_225_600_123 as Instant;
  expect(timestampOf(wireTimestamp(instant))).toBe(instant);
  expect(timestampOf(undefined)).toBeUndefined();
});
