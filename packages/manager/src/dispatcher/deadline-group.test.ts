import { milliseconds } from "@mswarm/runtime";
import { SimulatedClock } from "@mswarm/runtime/simulated";
import fc from "fast-check";
import { expect, test } from "vitest";
import { DeadlineGroup } from "./deadline-group.ts";

const grain = milliseconds(100);

const action = fc.record({
  key: fc.constantFrom("a", "b", "c", "d"),
  kind: fc.constantFrom("set", "shorten", "delete"),
  span: fc.integer({ min: 0, max: 3_000 }),
  pause: fc.integer({ min: 0, max: 900 }),
});

test("every key expires once, never early and at most one grain late, whatever is set, shortened and deleted", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
      const clock = new SimulatedClock();
      const due = new Map<string, number>();
      const group = new DeadlineGroup(clock, grain, (keys) => {
        for (const key of keys) {
          const at = due.get(key) ?? Number.NaN;
          expect(clock.monotonic()).toBeGreaterThanOrEqual(at);
          expect(clock.monotonic()).toBeLessThanOrEqual(at + grain);
          due.delete(key);
        }
      });
      for (const { key, kind, span, pause } of actions) {
        const at = clock.monotonic() + span;
        if (kind === "set") {
          group.set(key, milliseconds(span));
          due.set(key, at);
        } else if (kind === "shorten") {
          group.shorten(key, milliseconds(span));
          const known = due.get(key);
          if (known !== undefined) due.set(key, Math.min(known, at));
        } else {
          group.delete(key);
          due.delete(key);
        }
        expect(group.size).toBe(due.size);
        await clock.advance(milliseconds(pause));
      }
      await clock.advance(milliseconds(4_000));
      expect(due.size).toBe(0);
      expect(group.size).toBe(0);
    }),
    { numRuns: 60 },
  );
});
