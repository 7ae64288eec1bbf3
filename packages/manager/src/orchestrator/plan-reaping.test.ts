import { expect, test } from "vitest";
import { isRemovable, planReaping } from "./plan-reaping.ts";
import { serviceOf, taskOf } from "./testing/objects.ts";

const history = (count: number): ReturnType<typeof taskOf>[] => [
  ...Array.from({ length: count }, (_, index) =>
    taskOf(`t${index}`, { state: "FAILED", desired: "SHUTDOWN", created: index }),
  ),
  taskOf("current", { created: count }),
];
const ids = (tasks: readonly { id?: string }[]): (string | undefined)[] => tasks.map(({ id }) => id);

test("the oldest ended tasks beyond the limit go; the running one counts towards it", () => {
  expect(ids(planReaping(serviceOf(1), history(6), 5))).toEqual(["t0", "t1"]);
  expect(ids(planReaping(serviceOf(1), history(4), 5))).toEqual([]);
});

test("limited restart attempts keep as many as it takes to count them, whatever the limit says", () => {
  expect(ids(planReaping(serviceOf(1, { condition: "ANY", maxAttempts: "3" }), history(6), 0))).toEqual([
    "t0",
    "t1",
    "t2",
  ]);
});

test("a negative limit keeps everything", () => {
  expect(planReaping(serviceOf(1), history(50), -1)).toEqual([]);
});

test("what still runs somewhere is never deleted", () => {
  const leaving = taskOf("leaving", { desired: "SHUTDOWN", created: 0 });
  expect(ids(planReaping(serviceOf(1), [leaving, ...history(0)], 0))).toEqual([]);
});

test("a task that is the only reason why its slot counts stays even at limit 0", () => {
  const done = taskOf("done", { state: "COMPLETE", desired: "SHUTDOWN", restart: { condition: "NONE" } });
  expect(planReaping(serviceOf(1), [done], 0)).toEqual([]);
});

test.each([
  [{ desired: "REMOVE", state: "RUNNING" }, false],
  [{ desired: "REMOVE", state: "PENDING" }, true],
  [{ desired: "REMOVE", state: "SHUTDOWN" }, true],
  [{ desired: "SHUTDOWN", state: "SHUTDOWN" }, false],
] as const)("%j is removable: %s", (facts, expected) => {
  expect(isRemovable(taskOf("a", facts))).toBe(expected);
});
