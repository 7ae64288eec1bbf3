import type { Node } from "@mswarm/wire";
import { expect, test } from "vitest";
import { nodeMatches, parseConstraints, readConstraints } from "../../objects/constraints.ts";

const node: Node = {
  id: "abc",
  role: "MANAGER",
  status: { addr: "10.1.2.3" },
  spec: { annotations: { labels: { zone: "East", Rack: "7" } } },
  description: {
    hostname: "Alpha",
    platform: { os: "linux", architecture: "x86_64" },
    engine: { labels: { storage: "ssd" } },
  },
};
const bare: Node = { id: "bare" };

test.each([
  ["node.id==abc", true],
  ["node.id != abc", false],
  ["NODE.HOSTNAME==alpha", true],
  ["node.role==manager", true],
  ["node.role!=manager", false],
  ["node.platform.os==Linux", true],
  ["node.platform.arch==amd64", false],
  ["node.labels.zone==east", true],
  ["node.labels.rack==7", false],
  ["node.labels.Rack==7", true],
  ["node.labels.missing!=x", true],
  ["engine.labels.storage==ssd", true],
  ["node.ip==10.1.2.3", true],
  ["node.ip==10.1.0.0/16", true],
  ["node.ip!=10.1.0.0/16", false],
  ["node.ip==10.1.0.0/99", false],
  ["node.ip!=nonsense", false],
  ["node.ip!=2001:db8::/32", true],
  ["node.unknown!=x", false],
  ["node.labels.constructor!=x", true],
])("%s is %s for a node that says much about itself", (text, expected) => {
  expect(nodeMatches(parseConstraints([text]), node)).toBe(expected);
});

test("a node that says nothing has empty attributes and is a worker", () => {
  expect(nodeMatches(parseConstraints(["node.hostname!=x", "node.role==worker", "engine.labels.a!=b"]), bare)).toBe(
    true,
  );
  expect(nodeMatches(parseConstraints(["node.hostname==x"]), bare)).toBe(false);
});

test("all constraints have to hold", () => {
  expect(nodeMatches(parseConstraints(["node.id==abc", "node.labels.zone==west"]), node)).toBe(false);
});

test.each([
  ["node.id=abc", "constraint expected one operator from ==, !="],
  ["1node==x", "key '1node' is invalid"],
  ["==x", "key '' is invalid"],
  ["node.id==", "value '' is invalid"],
  ["node.id==a>b", "value 'a>b' is invalid"],
  ["a!=b==c", "key 'a!=b' is invalid"],
])("%s is refused: %s", (text, message) => {
  expect(() => parseConstraints([text])).toThrowError(expect.objectContaining({ code: "UNKNOWN", message }));
});

test("constraints of the store that cannot be read count as none", () => {
  expect(readConstraints(["nonsense"])).toEqual([]);
});
