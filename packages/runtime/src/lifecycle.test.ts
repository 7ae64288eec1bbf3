import { expect, test } from "vitest";
import { SwarmError } from "./errors.ts";
import { childAbort, deferred, TaskGroup, whenAborted } from "./lifecycle.ts";

test("a child ends with its parent, and not the other way round", () => {
  const parent = new AbortController();
  const child = childAbort(parent.signal);
  const other = childAbort(parent.signal);
  child.abort();
  expect([child.signal.aborted, other.signal.aborted, parent.signal.aborted]).toEqual([true, false, false]);
  parent.abort();
  expect(other.signal.aborted).toBe(true);
});

test("a task group reports a failure once and waits for all of its work when it closes", async () => {
  const failures: string[] = [];
  const group = new TaskGroup(new AbortController().signal, (name) => failures.push(name));
  const ended = deferred();
  group.run("fails", async () => {
    throw new SwarmError("INTERNAL", "no");
  });
  group.run("waits", async (signal) => {
    await whenAborted(signal);
    await Promise.resolve();
    ended.resolve();
  });
  await Promise.resolve();
  await group.close();
  expect(ended.settled).toBe(true);
  expect(failures).toEqual(["fails"]);
});

test("work that ends because the group closes is not a failure", async () => {
  const failures: string[] = [];
  const group = new TaskGroup(new AbortController().signal, (name) => failures.push(name));
  group.run("waits", async (signal) => {
    await whenAborted(signal);
    throw signal.reason;
  });
  await group.close();
  expect(failures).toEqual([]);
});
