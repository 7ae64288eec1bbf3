// Templates after --format: Go's language with the functions that docker's CLI adds. Source: docker/cli templates.
import {
  bytesOfText,
  type FunctionTable,
  GoMap,
  GoStruct,
  Template,
  TemplateError,
  textOfBytes,
  type Value,
} from "@mswarm/template";
import { UsageError } from "../flags/option-values.ts";

/** Fills one thing in. Errors: UsageError. */
export type Filler = (data: Value) => string;

/** Reads a template. Errors: UsageError, in Go's words. */
export function formatTemplate(text: string, functions: FunctionTable = cliFunctions): Filler {
  const template = orUsageError(() => new Template(text, { name: "", functions }));
  return (data) => orUsageError(() => template.fill(data).toString("utf8"));
}

function orUsageError<R>(work: () => R): R {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    throw new UsageError(`template parsing error: ${error.message}`, { cause: error });
  }
}

const onText =
  (change: (text: string) => string) =>
  ([text]: readonly Value[]): Value =>
    bytesOfText(change(textOfBytes(String(text))));
const ofText = (change: (text: string) => string) => ({ parameters: ["string"] as const, call: onText(change) });

export const cliFunctions: FunctionTable = {
  json: { parameters: ["any"], call: ([value]) => jsonOf(value) },
  split: { parameters: ["string", "string"], call: ([text, separator]) => String(text).split(String(separator)) },
  join: {
    parameters: ["any", "string"],
    call: ([texts, separator]) => (Array.isArray(texts) ? texts.map(String).join(String(separator)) : String(texts)),
  },
  title: ofText((text) => text.replace(/(^|\s)\p{L}/gu, (start) => start.toUpperCase())),
  lower: ofText((text) => text.toLowerCase()),
  upper: ofText((text) => text.toUpperCase()),
  pad: {
    parameters: ["string", "int", "int"],
    call: ([text, before, after]) =>
      text === "" ? "" : " ".repeat(Number(before)) + String(text) + " ".repeat(Number(after)),
  },
  truncate: { parameters: ["string", "int"], call: ([text, length]) => String(text).slice(0, Number(length)) },
};

/** For the header of a table: functions leave its words alone. */
export const headerFunctions: FunctionTable = Object.fromEntries(
  Object.entries(cliFunctions).map(([name, { parameters }]) => [
    name,
    { parameters, call: ([first]: readonly Value[]): Value => first },
  ]),
);

/** Compact JSON; ints of any size stay what they are. */
export function jsonOf(value: Value): string {
  if (value === undefined || value === null) return "null";
  if (typeof value === "string") return bytesOfText(JSON.stringify(textOfBytes(value)));
  if (typeof value !== "object") return String(value);
  if (value instanceof GoMap) return jsonObject([...value.entries]);
  if (value instanceof GoStruct) return jsonObject(Object.entries(value.fields));
  return `[${value.map(jsonOf).join(",")}]`;
}

const jsonObject = (entries: readonly (readonly [string, Value])[]): string =>
  `{${entries.map(([key, value]) => `${jsonOf(key)}:${jsonOf(value)}`).join(",")}}`;
