// eq, ne, lt, le, gt, ge. Source: text/template/funcs.go of Go 1.19.
import { isList, shown, typeOf, type Value } from "./value.ts";

type Kind = "bool" | "int" | "float" | "string";
export type Comparison = "eq" | "ne" | "lt" | "le" | "gt" | "ge";

const badType = "invalid type for comparison";
const badPair = "incompatible types for comparison";

function kindOf(value: Value): Kind | undefined {
  const kinds: Readonly<Record<string, Kind>> = { boolean: "bool", bigint: "int", number: "float", string: "string" };
  return kinds[typeof value];
}

const isNil = (value: Value): boolean => value === undefined || value === null;

/** @param fail  ends the call with a sentence */
export function compare(name: Comparison, args: readonly Value[], fail: (message: string) => never): boolean {
  const [first, ...others] = args;
  switch (name) {
    case "eq":
      if (others.length === 0) return fail("missing argument for comparison");
      return others.some((other) => equal(first, other, fail));
    case "ne":
      return !equal(first, others[0], fail);
    case "lt":
      return less(first, others[0], fail);
    case "le":
      return less(first, others[0], fail) || equal(first, others[0], fail);
    case "gt":
      return !(less(first, others[0], fail) || equal(first, others[0], fail));
    case "ge":
      return !less(first, others[0], fail);
  }
}

function equal(a: Value, b: Value, fail: (message: string) => never): boolean {
  const [kindA, kindB] = [kindOf(a), kindOf(b)];
  if (kindA !== kindB) return isNil(a) || isNil(b) ? false : fail(badPair);
  if (kindA !== undefined) return a === b;
  if (isNil(a) || isNil(b)) return isNil(a) && isNil(b);
  if (typeOf(a) !== typeOf(b)) {
    return fail(`non-comparable types ${shown(a)}: ${typeOf(a)}, ${typeOf(b)}: ${shown(b)}`);
  }
  // What has no kind of its own can be compared only where Go could: not lists and maps.
  if (isList(b) || typeOf(b).startsWith("map[")) return fail(`non-comparable type ${shown(a)}: ${typeOf(a)}`);
  return a === b;
}

function less(a: Value, b: Value, fail: (message: string) => never): boolean {
  const [kindA, kindB] = [kindOf(a), kindOf(b)];
  if (kindA === undefined || kindB === undefined) return fail(badType);
  if (kindA !== kindB) return fail(badPair);
  if (kindA === "bool") return fail(badType);
  return (a as bigint | number | string) < (b as bigint | number | string);
}
