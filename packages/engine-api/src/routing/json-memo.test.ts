import { expect, test } from "vitest";
import { goJson } from "./go-json.ts";
import { JsonMemo, jsonLine } from "./json-memo.ts";

test("an object is written once, another one with the same content anew", () => {
  let written = 0;
  const memo = new JsonMemo<{ id: string }>(({ id }) => {
    written += 1;
    return { ID: id, Rule: "a<b & c" };
  });
  const one = { id: "1" };
  expect(memo.textOf(one)).toBe('{"ID":"1","Rule":"a<b & c"}');
  expect(memo.textOf(one)).toBe(memo.textOf({ id: "1" }));
  expect(written).toBe(2);
});

test("a line is what Docker writes, without the end of it", () => {
  expect(`${jsonLine({ Count: 9007199254740993n })}\n`).toBe(goJson({ Count: 9007199254740993n }));
});
