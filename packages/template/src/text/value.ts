// What templates work on. Go knows types where JavaScript does not: a bigint is an int, a number a float64, a string a
// byte string (see bytes.ts); undefined is "no value", null a nil.
import { bytesOfText } from "./bytes.ts";

export type Value = undefined | null | boolean | bigint | number | string | readonly Value[] | GoMap | GoStruct;

/** map[string]T. */
export class GoMap {
  readonly entries: ReadonlyMap<string, Value>;
  /** What an absent key gives to `index`: "" of strings, nil of anything. */
  readonly elementType: "string" | "interface {}";

  constructor(entries: ReadonlyMap<string, Value>, elementType: "string" | "interface {}" = "interface {}") {
    this.entries = entries;
    this.elementType = elementType;
  }

  /** In the order in which Go shows them. */
  sorted(): readonly (readonly [string, Value])[] {
    return [...this.entries].sort(([a], [b]) => (a < b ? -1 : 1));
  }
}

/** A struct: fields that are not there are mistakes of the template. */
export class GoStruct {
  /** As Go calls it in errors, such as `*template.Context`. */
  readonly type: string;
  readonly fields: Readonly<Record<string, Value>>;

  constructor(type: string, fields: Readonly<Record<string, Value>>) {
    this.type = type;
    this.fields = fields;
  }
}

/** map[string]string. */
export const stringMap = (texts: Readonly<Record<string, string>>): GoMap =>
  new GoMap(new Map(Object.entries(texts).map(([key, text]) => [bytesOfText(key), bytesOfText(text)])), "string");

/** What encoding/json would make of it, except that whole numbers are ints. */
export function valueOfJson(json: unknown): Value {
  if (json === null || json === undefined) return null;
  if (typeof json === "boolean" || typeof json === "bigint") return json;
  if (typeof json === "number") return Number.isSafeInteger(json) ? BigInt(json) : json;
  if (typeof json === "string") return bytesOfText(json);
  if (Array.isArray(json)) return json.map(valueOfJson);
  const entries = Object.entries(json).filter(([, value]) => value !== undefined);
  return new GoMap(new Map(entries.map(([key, value]) => [bytesOfText(key), valueOfJson(value)])));
}

const typeNames: Readonly<Record<string, string>> = {
  boolean: "bool",
  bigint: "int",
  number: "float64",
  string: "string",
};

/** As Go calls the value's type; "nil" of none. */
export function typeOf(value: Value): string {
  if (value === undefined || value === null) return "nil";
  if (value instanceof GoMap) return `map[string]${value.elementType}`;
  if (value instanceof GoStruct) return value.type;
  return typeNames[typeof value] ?? "[]interface {}";
}

export const isList = (value: Value): value is readonly Value[] => Array.isArray(value);

/** What `if`, `and` and `not` go by: everything but zero, nil and what is empty. */
export function truth(value: Value): boolean {
  if (typeof value === "string" || isList(value)) return value.length > 0;
  if (value instanceof GoMap) return value.entries.size > 0;
  return value === undefined || value === null ? false : Boolean(value);
}

/** As `%v` shows it inside something else. */
export function shown(value: Value): string {
  if (value === undefined || value === null) return "<nil>";
  if (typeof value === "number") return shownFloat(value);
  if (isList(value)) return `[${value.map(shown).join(" ")}]`;
  if (value instanceof GoMap)
    return `map[${value
      .sorted()
      .map(([key, item]) => `${key}:${shown(item)}`)
      .join(" ")}]`;
  if (value instanceof GoStruct) {
    const pointer = value.type.startsWith("*") ? "&" : "";
    return `${pointer}{${Object.values(value.fields).map(shown).join(" ")}}`;
  }
  return String(value);
}

/** As an action prints it: nil as "<no value>", and what a pointer points to. */
export function printed(value: Value): string {
  if (value === undefined || value === null) return "<no value>";
  return value instanceof GoStruct ? shown(value).replace(/^&/, "") : shown(value);
}

/** %v of a float64: as strconv formats with 'g' and the shortest digits. */
export function shownFloat(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const [digits = "", power = "0"] = value.toExponential().split("e");
  if (Number(power) >= -4 && Number(power) < 6) return String(value);
  const sign = Number(power) < 0 ? "-" : "+";
  return `${digits}e${sign}${String(Math.abs(Number(power))).padStart(2, "0")}`;
}
