import { seconds } from "@mswarm/runtime";
import { SimulatedClock } from "@mswarm/runtime/simulated";
import { expect, test } from "vitest";
import { isTwinRefusal, LiveManagers } from "./live-managers.ts";

/** Whether a greeting is taken. */
function isTaken(live: LiveManagers, instance: string): boolean {
  try {
    live.greet("m1", instance);
    return true;
  } catch (error) {
    if (isTwinRefusal(error)) return false;
    throw error;
  }
}

test("a second process with a manager's identity is refused while the first is connected and heard", async () => {
  const clock = new SimulatedClock();
  const live = new LiveManagers(clock);
  live.greet("m1", "one");
  const ended = live.streamBegan("m1");
  expect(isTaken(live, "two")).toBe(false);
  await clock.advance(seconds(4));
  expect(isTaken(live, "one")).toBe(true);
  await clock.advance(seconds(4));
  expect(isTaken(live, "two")).toBe(false);
  ended();
  expect(isTaken(live, "two")).toBe(true);
  expect(isTaken(live, "one")).toBe(true);
});

test("a manager whose plug was pulled is replaced by its next process when it has been silent for a while", async () => {
  const clock = new SimulatedClock();
  const live = new LiveManagers(clock);
  live.greet("m1", "one");
  live.streamBegan("m1");
  await clock.advance(seconds(5));
  expect(isTaken(live, "two")).toBe(true);
});

test("an mswarm that names no instance is not told apart", () => {
  const live = new LiveManagers(new SimulatedClock());
  live.greet("m1", "one");
  live.streamBegan("m1");
  expect(isTaken(live, "")).toBe(true);
});
