import { cryptoRandom, seconds, silentLogger, unavailable, whenAborted } from "@mswarm/runtime";
import { SimulatedClock } from "@mswarm/runtime/simulated";
import type { Worker } from "@mswarm/worker";
import { expect, test } from "vitest";
import { WorkerHost } from "./worker-host.ts";

function fakeWorker(run: (signal: AbortSignal) => Promise<void>): Worker {
  return {
    run,
    hasSession: false,
    wasRemoved: false,
    refreshDescription: () => undefined,
    leave: async () => undefined,
  };
}

test("a worker that fails is replaced after a pause, and says why meanwhile", async () => {
  const clock = new SimulatedClock();
  let made = 0;
  const host = new WorkerHost({
    clock,
    random: cryptoRandom(),
    log: silentLogger(),
    createWorker: () => {
      made += 1;
      return made < 3
        ? fakeWorker(() => Promise.reject(unavailable("the journal is damaged")))
        : fakeWorker(whenAborted);
    },
  });
  const abort = new AbortController();
  const running = host.run(abort.signal);
  await clock.advance(seconds(0));
  expect(host.failure).toBe("the journal is damaged");
  await clock.advance(seconds(10));
  expect(made).toBe(3);
  expect(host.failure).toBeUndefined();
  abort.abort();
  await running;
});

test("a node that stops during the pause does not start another worker", async () => {
  const clock = new SimulatedClock();
  let made = 0;
  const host = new WorkerHost({
    clock,
    random: cryptoRandom(),
    log: silentLogger(),
    createWorker: () => {
      made += 1;
      return fakeWorker(() => Promise.reject(unavailable("no")));
    },
  });
  const abort = new AbortController();
  const running = host.run(abort.signal);
  await clock.advance(seconds(0));
  abort.abort();
  await running;
  expect(made).toBe(1);
});
