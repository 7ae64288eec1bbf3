import { expect, test } from "vitest";
import { milliseconds, seconds } from "../durations.ts";
import { SimulatedClock } from "./clock.ts";

test("timers fire in order of time, and promises settle between them", async () => {
  const clock = new SimulatedClock();
  const seen: string[] = [];
  clock.timer(milliseconds(20), () => seen.push("b"));
  clock.timer(milliseconds(10), () => {
    seen.push("a");
    void Promise.resolve().then(() => seen.push("after a"));
  });
  clock.timer(milliseconds(30), () => seen.push("never")).cancel();
  await clock.advance(seconds(1));
  expect(seen).toEqual(["a", "after a", "b"]);
  expect(clock.monotonic()).toBe(1_000);
});

test("a sleeper that goes on sleeping is woken within one advance", async () => {
  const clock = new SimulatedClock();
  let rounds = 0;
  const loop = async (): Promise<void> => {
    for (; rounds < 5; rounds += 1) await clock.sleep(milliseconds(100));
  };
  void loop();
  await clock.advance(seconds(1));
  expect(rounds).toBe(5);
});

test("an aborted sleep rejects and leaves no timer", async () => {
  const clock = new SimulatedClock();
  const controller = new AbortController();
  const sleeping = clock.sleep(seconds(1), controller.signal);
  controller.abort();
  await expect(sleeping).rejects.toThrow();
});
