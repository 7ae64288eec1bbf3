// Texts, numbers, flags, bytes and words.
import { invalidArgument } from "@mswarm/runtime";
import { type Json, jsonInteger } from "./json.ts";
import { type Place, type Shape, wrongKind, wrongNumber } from "./shape.ts";

function readText(json: Json, place: Place, goType = "string"): string {
  if (typeof json !== "string") throw wrongKind(json, place, goType);
  return json;
}

export const text: Shape<string> = {
  zero: "",
  isZero: (value) => value === "",
  write: (value) => value,
  read: (json, place) => readText(json, place),
};

export const flag: Shape<boolean> = {
  zero: false,
  isZero: (value) => !value,
  write: (value) => value,
  read: (json, place) => {
    if (typeof json !== "boolean") throw wrongKind(json, place, "bool");
    return json;
  },
};

function readInteger(json: Json, place: Place, goType: string, [least, most]: readonly [bigint, bigint]): bigint {
  if (typeof json !== "number" && typeof json !== "bigint") throw wrongKind(json, place, goType);
  if (typeof json === "number" && !Number.isInteger(json)) throw wrongNumber(json, place, goType);
  const value = BigInt(json);
  if (value < least || value > most) throw wrongNumber(json, place, goType);
  return value;
}

const signed64 = [-(2n ** 63n), 2n ** 63n - 1n] as const;
const unsigned64 = [0n, 2n ** 64n - 1n] as const;

/** A 64-bit number: a text on the wire. */
const integer64 = (goType: string, range: readonly [bigint, bigint]): Shape<string> => ({
  zero: "0",
  isZero: (value) => value === "0",
  write: jsonInteger,
  read: (json, place) => String(readInteger(json, place, goType, range)),
});
export const int64: Shape<string> = integer64("int64", signed64);
export const uint64: Shape<string> = integer64("uint64", unsigned64);

/** Go's `int` where the wire has 64 bits. */
export const int: Shape<string> = integer64("int", signed64);

const integer32 = (goType: string, range: readonly [bigint, bigint]): Shape<number> => ({
  zero: 0,
  isZero: (value) => value === 0,
  write: (value) => value,
  read: (json, place) => Number(readInteger(json, place, goType, range)),
});
export const uint32: Shape<number> = integer32("uint32", [0n, 2n ** 32n - 1n]);
export const int32: Shape<number> = integer32("int", [-(2n ** 31n), 2n ** 31n - 1n]);

/** A 32-bit fraction: 0.1 comes from the wire as 0.10000000149011612 and is shown as 0.1. */
export const float32: Shape<number> = {
  zero: 0,
  isZero: (value) => value === 0,
  write: (value) => shortestSingle(value),
  read: (json, place) => {
    if (typeof json !== "number" && typeof json !== "bigint") throw wrongKind(json, place, "float32");
    const value = Math.fround(Number(json));
    if (!Number.isFinite(value)) throw wrongNumber(json, place, "float32");
    return value;
  },
};

/** The number with the fewest digits that is the same 32-bit fraction. */
function shortestSingle(value: number): number {
  for (let digits = 1; digits < 9; digits += 1) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) return short;
  }
  return value;
}

const noBytes: Buffer = Buffer.alloc(0);

/** Bytes as base64. */
export const base64: Shape<Buffer> = {
  zero: noBytes,
  isZero: (value) => value.length === 0,
  write: (value) => value.toString("base64"),
  read: (json, place) => {
    const encoded = readText(json, place, "[]uint8").replace(/[\r\n]/g, "");
    const strange = /[^A-Za-z0-9+/=]|=(?!=?$)/.exec(encoded)?.index;
    if (strange !== undefined || encoded.length % 4 !== 0) {
      throw invalidArgument(`illegal base64 data at input byte ${strange ?? encoded.length - (encoded.length % 4)}`);
    }
    return Buffer.from(encoded, "base64");
  },
};

/** Bytes that are text, such as PEM. */
export const textBytes: Shape<Buffer> = {
  zero: noBytes,
  isZero: (value) => value.length === 0,
  write: (value) => value.toString("utf8"),
  read: (json, place) => Buffer.from(readText(json, place), "utf8"),
};

/**
 * An enum by Docker's words. An empty word is the zero, unless `emptyMeans` says otherwise.
 *
 * @param words    of each name; the first is the wire's zero
 * @param refusal  what to say about another word
 */
export function wordOf<Name extends string>(
  words: Readonly<Record<Name, string>>,
  refusal: (word: string) => string,
  options: { readonly emptyMeans?: Name | "refused"; readonly ignoresCase?: boolean } = {},
): Shape<Name> {
  const names = Object.keys(words) as Name[];
  const [zero] = names;
  return {
    zero,
    isZero: (value) => value === zero,
    write: (value) => words[value] ?? "",
    read: (json, place) => {
      const given = readText(json, place);
      const word = options.ignoresCase === true ? given.toLowerCase() : given;
      const empty = options.emptyMeans ?? zero;
      const found =
        word === "" ? (empty === "refused" ? undefined : (empty as Name)) : names.find((name) => words[name] === word);
      if (found === undefined) throw invalidArgument(refusal(given));
      return found;
    },
  };
}
