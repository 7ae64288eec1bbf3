import { expect, test } from "vitest";
import { goJson } from "./go-json.ts";
import { parseJson } from "./strict-json.ts";

test("JSON is read as it is, integers exactly", () => {
  const text =
    '{"a":[1,2.5,-3e2,"x\\"{y,\\\\",true,null,{"a":1}],"Index":18446744073709551615,"near":9007199254740993}';
  expect(parseJson(text)).toEqual({
    a: [1, 2.5, -300, 'x"{y,\\', true, null, { a: 1 }],
    Index: 18446744073709551615n,
    near: 9007199254740993n,
  });
});

test.each([
  ["a key twice", '{"Name":"a","Name":"b"}'],
  ["a key twice, spelled differently", '{"Name":"a","\\u004eame":"b"}'],
  ["a key twice further in", '{"a":[{"b":{"c":1,"d":"}","c":2}}]}'],
  ["two values", '{"a":1}{"a":2}'],
  ["no JSON", "{a:1}"],
  ["a body that nests without end", `${"[".repeat(500)}${"]".repeat(500)}`],
])("%s is refused", (_what, text) => {
  expect(() => parseJson(text)).toThrow(expect.objectContaining({ status: 400 }));
});

test("the same key in two objects is no doubt", () => {
  expect(parseJson('[{"a":1},{"a":{"a":2}}]')).toEqual([{ a: 1 }, { a: { a: 2 } }]);
});

test("no body is called what Docker calls it", () => {
  expect(() => parseJson(" \n")).toThrow("EOF");
});

test("what is written looks like Go's", () => {
  const value = { a: "<b>&\u2028", n: 2n ** 64n - 1n, none: undefined, list: null };
  expect(goJson(value)).toBe('{"a":"<b>&\\u2028","n":18446744073709551615,"list":null}\n');
  expect(goJson(value, "html")).toContain('"a":"\\u003cb\\u003e\\u0026\\u2028"');
});
