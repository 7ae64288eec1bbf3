import { minutes } from "@mswarm/runtime";
import { SimulatedClock } from "@mswarm/runtime/simulated";
import { expect, test } from "vitest";
import { LineBudget } from "./line-budget.ts";

test("lines above the budget are left out, counted, and owned up to in the next minute", async () => {
  const clock = new SimulatedClock();
  const budget = new LineBudget(2, clock);
  expect([budget.take(), budget.take(), budget.take(), budget.take()]).toEqual([{}, {}, undefined, undefined]);
  await clock.advance(minutes(1));
  expect([budget.take(), budget.take(), budget.take()]).toEqual([{ suppressed: 2 }, {}, undefined]);
});
