// The functions of every Go template. Source: text/template/funcs.go of Go 1.19.
import { bytesOfText, textOfBytes } from "./bytes.ts";
import { compare } from "./comparison.ts";
import { sprintf } from "./printf.ts";
import { GoMap, GoStruct, isList, printed, shown, truth, typeOf, type Value } from "./value.ts";

/** A function as templates call it. What it throws with a sentence of its own becomes part of the template's error. */
export interface TemplateFunction {
  /** Types of the fixed parameters; "any" takes no value at all, too. */
  readonly parameters: readonly ("any" | "string" | "int")[];
  /** Type of all further arguments; absent: there are none. */
  readonly rest?: "any" | "string";
  call(args: readonly Value[]): Value;
}

export type FunctionTable = Readonly<Record<string, TemplateFunction>>;

/** What a function refuses; the evaluator says where. */
export class FunctionFailure extends RangeError {}

const fail = (message: string): never => {
  throw new FunctionFailure(message);
};
/** Text functions see characters, not bytes. */
const onText =
  (change: (text: string) => string) =>
  (args: readonly Value[]): Value =>
    bytesOfText(change(textOfBytes(asPrinted(args))));

const scriptEscapes: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "'": "\\'",
  '"': '\\"',
  "<": "\\u003C",
  ">": "\\u003E",
  "&": "\\u0026",
  "=": "\\u003D",
};
const escapedScript = (text: string): string =>
  [...text]
    .map((character) => {
      const code = character.codePointAt(0) ?? 0;
      const escaped = scriptEscapes[character];
      if (escaped !== undefined) return escaped;
      if (code >= 0x20 && code < 0x7f) return character;
      if (code >= 0x80 && /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(character)) return character;
      return `\\u${code.toString(16).toUpperCase().padStart(4, "0")}`;
    })
    .join("");

export const builtins: FunctionTable = {
  // The evaluator looks at the arguments of these two one by one.
  and: { parameters: ["any"], rest: "any", call: (args) => args.find((arg) => !truth(arg)) ?? args.at(-1) },
  or: { parameters: ["any"], rest: "any", call: (args) => args.find(truth) ?? args.at(-1) },
  not: { parameters: ["any"], call: ([arg]) => !truth(arg) },
  len: { parameters: ["any"], call: ([item]) => BigInt(lengthOf(item)) },
  index: { parameters: ["any"], rest: "any", call: ([item, ...keys]) => keys.reduce(elementOf, indexable(item)) },
  slice: { parameters: ["any"], rest: "any", call: ([item, ...bounds]) => sliceOf(item, bounds) },
  call: { parameters: ["any"], rest: "any", call: ([item]) => fail(calling(item)) },
  print: { parameters: [], rest: "any", call: joined },
  println: { parameters: [], rest: "any", call: (args) => `${args.map(shown).join(" ")}\n` },
  printf: { parameters: ["string"], rest: "any", call: ([format, ...args]) => sprintf(String(format), args) },
  html: { parameters: [], rest: "any", call: (args) => escapedHtml(asPrinted(args)) },
  js: { parameters: [], rest: "any", call: onText(escapedScript) },
  urlquery: { parameters: [], rest: "any", call: (args) => escapedQuery(asPrinted(args)) },
  ...Object.fromEntries(
    (["eq", "ne", "lt", "le", "gt", "ge"] as const).map((name) => [
      name,
      name === "eq"
        ? {
            parameters: ["any"] as const,
            rest: "any" as const,
            call: (args: readonly Value[]) => compare(name, args, fail),
          }
        : { parameters: ["any", "any"] as const, call: (args: readonly Value[]) => compare(name, args, fail) },
    ]),
  ),
};

/** fmt.Sprint: spaces between neighbours of which none is a string. */
function joined(args: readonly Value[]): string {
  return args
    .map((arg, index) => {
      const isApart = index > 0 && typeof arg !== "string" && typeof args[index - 1] !== "string";
      return (isApart ? " " : "") + shown(arg);
    })
    .join("");
}

/** As `joined`, of what actions would print. */
function asPrinted(args: readonly Value[]): string {
  const pointees = args.map((arg) => {
    if (arg === undefined || arg === null) return printed(arg);
    return arg instanceof GoStruct ? new GoStruct(arg.type.replace(/^\*/, ""), arg.fields) : arg;
  });
  return joined(pointees);
}

const calling = (item: Value): string =>
  item === undefined || item === null ? "call of nil" : `non-function of type ${typeOf(item)}`;

function lengthOf(item: Value): number {
  if (typeof item === "string" || isList(item)) return item.length;
  if (item instanceof GoMap) return item.entries.size;
  return fail(
    item === undefined || item === null
      ? "reflect: call of reflect.Value.Type on zero Value"
      : `len of type ${typeOf(item).replace(/^\*/, "")}`,
  );
}

const indexable = (item: Value): Value => (item === undefined || item === null ? fail("index of untyped nil") : item);

function elementOf(from: Value, key: Value): Value {
  const item = indexable(from);
  if (item instanceof GoMap) {
    if (typeof key !== "string") return fail(keyFailure(key));
    return item.entries.get(key) ?? (item.elementType === "string" ? "" : undefined);
  }
  if (typeof item !== "string" && !isList(item))
    return fail(`can't index item of type ${typeOf(item).replace(/^\*/, "")}`);
  if (typeof item === "string" && key === BigInt(item.length)) return fail("reflect: string index out of range");
  const at = positionOf(key, item.length - 1);
  return typeof item === "string" ? BigInt(item.charCodeAt(at)) : item[at];
}

const keyFailure = (key: Value): string =>
  key === undefined || key === null
    ? "value is nil; should be of type string"
    : `value has type ${typeOf(key)}; should be string`;

function positionOf(key: Value, max: number): number {
  if (key === undefined || key === null) return fail("cannot index slice/array with nil");
  if (typeof key !== "bigint") return fail(`cannot index slice/array with type ${typeOf(key)}`);
  if (key < 0n || key > BigInt(max)) return fail(`index out of range: ${key}`);
  return Number(key);
}

function sliceOf(item: Value, bounds: readonly Value[]): Value {
  if (item === undefined || item === null) return fail("slice of untyped nil");
  if (bounds.length > 3) return fail(`too many slice indexes: ${bounds.length}`);
  if (typeof item !== "string" && !isList(item)) return fail(`can't slice item of type ${typeOf(item)}`);
  if (typeof item === "string" && bounds.length === 3) return fail("cannot 3-index slice a string");
  const [start = 0, end = item.length, limit = item.length] = bounds.map((bound) => positionOf(bound, item.length));
  if (start > end) return fail(`invalid slice index: ${start} > ${end}`);
  if (end > limit) return fail(`invalid slice index: ${end} > ${limit}`);
  return item.slice(start, end);
}

const htmlEscapes: Readonly<Record<string, string>> = {
  "\u0000": bytesOfText("\ufffd"),
  '"': "&#34;",
  "'": "&#39;",
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
};
const escapedHtml = (bytes: string): string =>
  [...bytes].map((character) => htmlEscapes[character] ?? character).join("");

const escapedQuery = (bytes: string): string =>
  bytes.replace(/[^A-Za-z0-9_.~-]/g, (character) =>
    character === " " ? "+" : `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
