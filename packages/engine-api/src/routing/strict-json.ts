// JSON bodies that mean one thing. JSON.parse takes the last of two equal keys where others take the first.
import { messageOf } from "@mswarm/runtime";
import { badRequest } from "../errors/http-error.ts";

/** No body of the API nests a tenth as deep. */
const deepest = 200;

/**
 * Reads one JSON value. Integers that a number cannot hold exactly are bigints.
 * Errors: HttpError 400: no value ("… EOF …"), no JSON, more than one value, an object with a key twice, nested too deep.
 */
export function parseJson(text: string): unknown {
  if (text.trim() === "") throw badRequest("got EOF while reading request body");
  let value: unknown;
  try {
    value = /[0-9]{16}/.test(text) ? JSON.parse(text, exactIntegers as Reviver) : JSON.parse(text);
  } catch (error) {
    throw badRequest(`the body is not JSON: ${messageOf(error)}`);
  }
  refuseDoubleKeys(text);
  return value;
}

type Reviver = (key: string, value: unknown) => unknown;

function exactIntegers(_key: string, value: unknown, context: { readonly source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const { source = "" } = context;
  return /^-?[0-9]+$/.test(source) ? BigInt(source) : value;
}

/** @param text  valid JSON */
function refuseDoubleKeys(text: string): void {
  // Undefined stands for an array.
  const open: (Set<string> | undefined)[] = [];
  let isKeyNext = false;
  for (let at = 0; at < text.length; at += 1) {
    switch (text[at]) {
      case "{":
      case "[":
        isKeyNext = text[at] === "{";
        open.push(isKeyNext ? new Set() : undefined);
        if (open.length > deepest) throw badRequest(`the body nests deeper than ${deepest} levels`);
        break;
      case "}":
      case "]":
        open.pop();
        isKeyNext = false;
        break;
      case ",":
        isKeyNext = open.at(-1) !== undefined;
        break;
      case '"': {
        const end = stringEnd(text, at);
        if (isKeyNext) refuseDoubleKey(open.at(-1), text.slice(at, end));
        isKeyNext = false;
        at = end - 1;
        break;
      }
    }
  }
}

function refuseDoubleKey(keys: Set<string> | undefined, written: string): void {
  const key = JSON.parse(written) as string;
  if (keys?.has(key)) throw badRequest(`the body names ${JSON.stringify(key)} twice in one object`);
  keys?.add(key);
}

/** Where the string that begins at `start` is over. */
function stringEnd(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); ; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (text[quote - 1 - backslashes] === "\\") backslashes += 1;
    if (backslashes % 2 === 0) return quote + 1;
  }
}
