import { expect, test } from "vitest";
import { validateDnsName, validatePayloadName } from "./annotations.ts";
import { goFloat } from "./go-format.ts";

test.each(["a", "A-b_c", "a--b", "0", "a".repeat(63)])("%s names a service", (name) => validateDnsName({ name }));

test.each(["-a", "a-", "a.b", "a b", "ü", "_"])("%s names no service", (name) => {
  expect(() => validateDnsName({ name })).toThrow("name must be valid as a DNS name component");
});

test.each(["a", "a.b-c_d", "0.0"])("%s names a secret", (name) => validatePayloadName({ name }));

test.each([".a", "a.", "a/b", "a b"])("%s names no secret", (name) => {
  expect(() => validatePayloadName({ name })).toThrow("invalid name");
});

test("a long hostile name is judged quickly", () => {
  expect(() => validateDnsName({ name: `${"a".repeat(100_000)}!` })).toThrow("DNS name component");
});

test.each([
  [0.001, "0.001"],
  [0.0001, "0.0001"],
  [0.00001, "1e-05"],
  [-1.5, "-1.5"],
  [1e-9, "1e-09"],
  [-12345678, "-1.2345678e+07"],
])("Go prints %d as %s", (value, text) => expect(goFloat(value)).toBe(text));
