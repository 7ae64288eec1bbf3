import { expect, test } from "vitest";
import { addressKey, ConnectionBudget } from "./connection-budget.ts";
import { defaultLimits } from "./limits.ts";
import { testManager, testWorker } from "./testing/index.ts";

test.each([
  ["10.0.0.1", "10.0.0.1"],
  ["::ffff:10.0.0.1", "10.0.0.1"],
  ["2001:db8:1:2:aaaa::1", "2001:db8:1:2/64"],
  ["2001:db8:1:2::", "2001:db8:1:2/64"],
  ["2001:db8::1", "2001:db8:0:0/64"],
  ["::1", "0:0:0:0/64"],
  ["fe80::1%eth0", "fe80:0:0:0/64"],
  ["1:2:3:4:5:6:7:8", "1:2:3:4/64"],
])("%s shares its budget with %s", (address, key) => {
  expect(addressKey(address)).toBe(key);
});

test("a place that is given back twice is one place", () => {
  const budget = new ConnectionBudget({ ...defaultLimits, maxStrangersPerAddress: 2, maxStrangers: 3 });
  const first = budget.takeStranger("10.0.0.1");
  const second = budget.takeStranger("10.0.0.1");
  expect(budget.takeStranger("10.0.0.1")).toBeUndefined();
  first?.();
  first?.();
  expect(budget.takeStranger("10.0.0.1")).toBeDefined();
  expect(budget.takeStranger("10.0.0.1")).toBeUndefined();
  second?.();
});

test("a worker gets fewer connections than a manager, whose followers and peers share them", () => {
  const budget = new ConnectionBudget({ ...defaultLimits, maxConnectionsPerWorker: 1, maxConnectionsPerNode: 2 });
  expect(budget.takeNode(testWorker("w"))).toBeDefined();
  expect(budget.takeNode(testWorker("w"))).toBeUndefined();
  const places = [1, 2, 3].map(() => budget.takeNode(testManager("m")));
  expect(places.map((place) => place !== undefined)).toEqual([true, true, false]);
});

test("all addresses together have a bound too", () => {
  const budget = new ConnectionBudget({ ...defaultLimits, maxStrangers: 2 });
  const places = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map((address) => budget.takeStranger(address));
  expect(places.map((place) => place !== undefined)).toEqual([true, true, false]);
});
