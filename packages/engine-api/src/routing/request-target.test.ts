import { expect, test } from "vitest";
import { readQuery, readTarget } from "./request-target.ts";

test.each([
  ["/v1.41/swarm", "/swarm", 41],
  ["/_ping", "/_ping", undefined],
  ["/v1.24/services/a%20b/update?version=3", "/services/a b/update", 24],
  ["/images/registry.example:5000/team/web:1/json", "/images/registry.example:5000/team/web:1/json", undefined],
  ["/v1.41/images/team%2Fweb/json", "/images/team/web/json", 41],
  ["/containers/json?all=1&filters=%7B%22label%22%3A%5B%22a%2Fb%22%5D%7D", "/containers/json", undefined],
  ["/nodes/", "/nodes/", undefined],
])("%s is read as %s", (target, path, minor) => {
  expect(readTarget(target)).toMatchObject({ path, minor });
});

test.each([
  ["an absolute form", "http://docker/v1.41/swarm"],
  ["no slash in front", "swarm"],
  ["a spelling of swarm that only one of two readers sees through", "/%73warm/leave"],
  ["an encoded slash", "/v1.41/containers/x%2F..%2F..%2Fswarm/json"],
  ["an encoded slash in front of the family", "/v1.41%2Fswarm"],
  ["dots", "/v1.41/containers/../swarm"],
  ["encoded dots", "/v1.41/containers/%2e%2e/swarm"],
  ["dots behind an encoded slash", "/images/x%2F..%2F..%2Fswarm/json"],
  ["a single dot", "/./swarm"],
  ["an empty segment", "//swarm"],
  ["a backslash", "/containers\\..\\swarm"],
  ["an encoded backslash", "/containers%5c..%5cswarm"],
  ["a percent sign encoded twice", "/containers/%252e%252e/swarm"],
  ["a percent sign that encodes nothing", "/containers/%zz"],
  ["half a character", "/containers/%c3"],
  ["a null character", "/swarm%00/x"],
  ["a line end", "/swarm%0d%0aX: y"],
  ["a fragment", "/swarm#/containers"],
  ["a letter outside ASCII", "/swärm"],
  ["an odd version", "/v1.41.0/swarm"],
  ["another version", "/v2.0/swarm"],
  ["a version with a zero in front", "/v1.041/swarm"],
])("%s is refused", (_what, target) => {
  expect(() => readTarget(target)).toThrow(expect.objectContaining({ status: 400 }));
});

test("a query that cannot be decoded is refused as Go refuses it", () => {
  expect(() => readQuery("filters=%7")).toThrow('invalid URL escape "%7"');
  expect(readQuery("a=1&a=2").get("a")).toBe("1");
});
