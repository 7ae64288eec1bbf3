// Values as the Engine API's JSON spells them. Numbers that do not fit a double stay texts.
import type { WireTime } from "@mswarm/runtime";
import { dateOf, type Instant } from "@mswarm/runtime";

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };
export type JsonObject = { readonly [key: string]: Json | undefined };

/** What Go shows for a time that was never set. */
const zeroTime = "0001-01-01T00:00:00Z";

/** RFC 3339 with up to nine digits and no trailing zeros. */
export function jsonTime(time: WireTime | undefined): string {
  if (time === undefined) return zeroTime;
  const wholeSeconds = Number(time.seconds ?? 0);
  const start = dateOf((wholeSeconds * 1_000) as Instant)
    .toISOString()
    .slice(0, 19);
  const fraction = String(time.nanos ?? 0)
    .padStart(9, "0")
    .replace(/0+$/, "");
  return fraction === "" ? `${start}Z` : `${start}.${fraction}Z`;
}

/** Nanoseconds of a duration; undefined when it is absent. */
export function jsonDuration(span: WireTime | undefined): number | undefined {
  return span === undefined ? undefined : Number(span.seconds ?? 0) * 1e9 + (span.nanos ?? 0);
}

/** A 64-bit number; undefined when it is absent. */
export function jsonNumber(text: string | undefined): number | string | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : text;
}

/** `omitempty`: undefined for what Go leaves out. */
export function nonEmpty<T extends Json>(value: T | undefined): T | undefined {
  if (value === undefined || value === null || value === "" || value === 0 || value === false) return undefined;
  if (Array.isArray(value)) return value.length === 0 ? undefined : value;
  return typeof value === "object" && Object.values(value).every((field) => field === undefined) ? undefined : value;
}

/** `ON_FAILURE` as `on-failure`. */
export const jsonWord = (name: string): string => name.toLowerCase().replaceAll("_", "-");

/** ID, Version, CreatedAt and UpdatedAt of a stored object. */
export function identityFields(object: {
  readonly id?: string;
  readonly meta?: {
    readonly version?: { readonly index?: string };
    readonly createdAt?: WireTime;
    readonly updatedAt?: WireTime;
  };
}): JsonObject {
  const { version, createdAt, updatedAt } = object.meta ?? {};
  return {
    ID: object.id ?? "",
    Version: { Index: nonEmpty(jsonNumber(version?.index)) },
    CreatedAt: jsonTime(createdAt),
    UpdatedAt: jsonTime(updatedAt),
  };
}
