import { expect, test } from "vitest";
import { systemClock } from "./clock.ts";
import { hours, milliseconds } from "./durations.ts";

test("the system clock's timer fires, and a cancelled or far one does not fire early", async () => {
  const clock = systemClock();
  const fired: string[] = [];
  const far = clock.timer(hours(24 * 40), () => fired.push("far"));
  clock.timer(milliseconds(1), () => fired.push("cancelled")).cancel();
  const before = clock.monotonic();
  await clock.sleep(milliseconds(20));
  expect(clock.monotonic() - before).toBeGreaterThanOrEqual(19);
  far.cancel();
  expect(fired).toEqual([]);
});
