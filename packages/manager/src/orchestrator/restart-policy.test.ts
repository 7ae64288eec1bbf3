import type { RestartPolicy } from "@mswarm/wire";
import { expect, test } from "vitest";
import { mayRestart, startTimeOf } from "./restart-policy.ts";
import { at, readyNode, taskOf } from "./testing/objects.ts";

const node = (id: string): ReturnType<typeof readyNode> => readyNode(id);

test.each<[RestartPolicy | undefined, "COMPLETE" | "FAILED", boolean]>([
  [undefined, "COMPLETE", true],
  [{ condition: "ANY" }, "COMPLETE", true],
  [{ condition: "ON_FAILURE" }, "COMPLETE", false],
  [{ condition: "ON_FAILURE" }, "FAILED", true],
  [{ condition: "NONE" }, "FAILED", false],
  [{}, "FAILED", false],
])("with policy %j a task that is %s may restart: %s", (restart, state, expected) => {
  const task = taskOf("a", { state, ...(restart === undefined ? {} : { restart }) });
  expect(mayRestart(task, [task])).toBe(expected);
});

test("attempts are counted per spec version: a new spec begins anew", () => {
  const restart = { condition: "ANY", maxAttempts: "2" } as const;
  const history = [0, 10, 20].map((created) => taskOf(`t${created}`, { state: "FAILED", created, restart }));
  expect(mayRestart(history[2] ?? taskOf(""), history)).toBe(false);
  const fresh = taskOf("new", { state: "FAILED", created: 30, version: 7, restart });
  expect(mayRestart(fresh, [...history, fresh])).toBe(true);
});

test("with a window only the restarts inside it count", () => {
  const restart = { condition: "ANY", maxAttempts: "2", window: { seconds: "60" } } as const;
  const failing = (times: readonly number[]): boolean => {
    const history = times.map((created) =>
      taskOf(`t${created}`, { state: "FAILED", created, since: created + 1, restart }),
    );
    return mayRestart(history.at(-1) ?? taskOf(""), history);
  };
  expect(failing([0, 10, 20])).toBe(false);
  expect(failing([0, 10, 100])).toBe(true);
});

test("the delay follows a task that ended by itself", () => {
  const restart = { condition: "ANY", delay: { seconds: "30" } } as const;
  const failed = taskOf("old", { state: "FAILED", desired: "SHUTDOWN", created: 0, since: 5, restart });
  const next = taskOf("new", { state: "READY", desired: "READY", created: 5, restart });
  expect(startTimeOf(next, [failed, next], node)).toBe(at(35));
});

test.each([
  ["an update", { state: "SHUTDOWN", desired: "SHUTDOWN", since: 9 }],
  ["another spec", { state: "FAILED", desired: "SHUTDOWN", since: 5, version: 3 }],
  ["scaling", { state: "FAILED", desired: "REMOVE", since: 5 }],
  ["a lost node", { state: "ORPHANED", desired: "SHUTDOWN", since: 5 }],
] as const)("after %s there is no delay", (_cause, facts) => {
  const next = taskOf("new", { state: "READY", desired: "READY", created: 5 });
  expect(startTimeOf(next, [taskOf("old", facts), next], node)).toBe(at(5));
});

test("a task that was told to stop is waited for, at most a minute, and not on a lost node", () => {
  const leaving = taskOf("old", { desired: "SHUTDOWN" });
  const next = taskOf("new", { state: "READY", desired: "READY", created: 5 });
  expect(startTimeOf(next, [leaving, next], node)).toBe(at(65));
  expect(startTimeOf(next, [leaving, next], (id) => readyNode(id, { status: { state: "DOWN" } }))).toBe(at(5));
  expect(startTimeOf(next, [leaving, next], () => undefined)).toBe(at(5));
});
