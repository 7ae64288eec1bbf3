import { systemClock, unavailable } from "@mswarm/runtime";
import { settle } from "@mswarm/runtime/simulated";
import { describe, expect, test } from "vitest";
import { engineContract } from "../contract/engine-contract.ts";
import type { EngineEvent } from "../engine.ts";
import { FakeEngine } from "./fake-engine.ts";

describe("the fake engine keeps the engine's contract", () => {
  for (const { name, run } of engineContract) {
    test(name, () =>
      run({ engine: new FakeEngine({ images: ["busybox"] }), image: "busybox", runId: "run", clock: systemClock() }),
    );
  }
});

test("an engine that is down answers nothing, and its event streams break", async () => {
  const engine = new FakeEngine();
  const events: EngineEvent[] = [];
  const reading = (async () => {
    for await (const event of engine.events(new AbortController().signal)) events.push(event);
  })();
  const broken = expect(reading).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await settle();
  engine.goDown();
  await broken;
  await expect(engine.ping()).rejects.toMatchObject({ code: "UNAVAILABLE" });
  engine.comeBack();
  await engine.ping();
});

test("failures are given once each, and a hanging call can be aborted", async () => {
  const engine = new FakeEngine({ images: ["x"] });
  engine.faults.failNext("hasImage", unavailable("once"));
  await expect(engine.hasImage("x")).rejects.toThrow("once");
  expect(await engine.hasImage("x")).toBe(true);
  const release = engine.faults.hang("hasImage");
  const abort = new AbortController();
  const hanging = engine.hasImage("x", abort.signal);
  const released = engine.hasImage("x");
  abort.abort();
  await expect(hanging).rejects.toThrow();
  release();
  expect(await released).toBe(true);
});
