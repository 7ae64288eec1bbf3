// JSON values, with whole numbers that may be larger than a double holds exactly: Go's clients read and write 64 bits.

export type Json = string | number | bigint | boolean | null | readonly Json[] | JsonObject;
export type JsonObject = { readonly [key: string]: Json | undefined };

export const isJsonObject = (json: Json | undefined): json is JsonObject =>
  typeof json === "object" && json !== null && !Array.isArray(json);

/** A number's source text goes into the output as it is. Source: ECMAScript, JSON.rawJSON. */
const { rawJSON } = JSON as typeof JSON & { readonly rawJSON: (text: string) => unknown };

/** The text of a value; fields that are undefined are left out. @param indent  spaces of a level; none: one line */
export const jsonText = (json: Json, indent?: number): string =>
  JSON.stringify(json, (_key, value: unknown) => (typeof value === "bigint" ? rawJSON(String(value)) : value), indent);

/** A 64-bit number of the wire. */
export function jsonInteger(text: string | undefined): number | bigint {
  const value = Number(text ?? 0);
  return Number.isSafeInteger(value) ? value : BigInt(text ?? 0);
}

/** `ON_FAILURE` as `on-failure`. */
export const jsonWord = (name: string): string => name.toLowerCase().replaceAll("_", "-");
