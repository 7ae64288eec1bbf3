import { expect, test } from "vitest";
import { deferred } from "./lifecycle.ts";
import { Wakeup } from "./wakeup.ts";

const signal = new AbortController().signal;

test("a notify before the wait is not lost, and several count as one", async () => {
  const wakeup = new Wakeup();
  wakeup.notify();
  wakeup.notify();
  await wakeup.wait(signal);
  const second = deferred<string>();
  void wakeup.wait(signal).then(() => second.resolve("woken"));
  await Promise.resolve();
  expect(second.settled).toBe(false);
  wakeup.notify();
  expect(await second.promise).toBe("woken");
});

test("a wait ends with its signal", async () => {
  const controller = new AbortController();
  const waiting = new Wakeup().wait(controller.signal);
  controller.abort();
  await expect(waiting).rejects.toThrow();
});
