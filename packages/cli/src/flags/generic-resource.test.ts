import { expect, test } from "vitest";
import { run } from "../testing/test-context.ts";
import { parseGenericResources } from "./generic-resource.ts";

const named = (kind: string, value: string) => ({ namedResourceSpec: { kind, value } });
const counted = (kind: string, value: string) => ({ discreteResourceSpec: { kind, value } });

test("a node offers counted and named resources, in one text or several", () => {
  const expected = [named("gpu", "uuid1"), named("gpu", "uuid2"), counted("ssd", "3")];
  expect(parseGenericResources(["gpu=uuid1,gpu=uuid2", "ssd=3"])).toEqual(expected);
  expect(parseGenericResources(["gpu=uuid1", "gpu=uuid2", " ssd = 3 "])).toEqual(expected);
  expect(parseGenericResources([])).toEqual([]);
});

test.each([
  ["gpu=1,gpu=a", "mixed discrete and named resources"],
  ["gpu=1,gpu=2", "mixed discrete and named resources"],
  ["gpu", "expected `name=value`"],
  ["gpu=", "expected `name=value`"],
  ["=1", "expected `name=value`"],
  ["gpu=-1", "cannot ask for negative resource gpu"],
])("%s is no resource", (text, message) => {
  expect(() => parseGenericResources([text])).toThrow(message);
});

test("a daemon is not started with resources that nobody can understand", async () => {
  const result = await run(["daemon", "--node-generic-resource", "gpu=1,gpu=a"]);
  expect(result.exitCode).toBe(2);
  expect(result.err).toContain('invalid argument for "--node-generic-resource" flag');
});
