// Points in time and spans of it.
import { dateOf, type Instant, invalidArgument, type WireTime } from "@mswarm/runtime";
import type { Json } from "./json.ts";
import { int64 } from "./scalars.ts";
import { type Shape, wrongKind } from "./shape.ts";

const billion = 1_000_000_000n;

function wireTime(wholeSeconds: bigint, nanos: number): WireTime {
  return {
    ...(wholeSeconds === 0n ? {} : { seconds: String(wholeSeconds) }),
    ...(nanos === 0 ? {} : { nanos }),
  };
}

const nanoseconds = (span: WireTime): bigint => BigInt(span.seconds ?? 0) * billion + BigInt(span.nanos ?? 0);

/** A span as a number of nanoseconds; zero where absent. */
export const jsonDuration = (span: WireTime | undefined): number | bigint => {
  const value = nanoseconds(span ?? {});
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
};

/** A span whose presence counts, also when it is zero. */
export const duration: Shape<WireTime> = {
  zero: undefined,
  isZero: () => false,
  write: (span) => jsonDuration(span),
  read: (json, place) => {
    if (typeof json !== "number" && typeof json !== "bigint") throw wrongKind(json, place, "time.Duration");
    const total = BigInt(int64.read(json, place));
    return wireTime(total / billion, Number(total % billion));
  },
};

/** A span that Go has by value: zero is absence. */
export const spanByValue: Shape<WireTime> = { ...duration, zero: {}, isZero: (span) => nanoseconds(span) === 0n };

/** What Go shows for a time that was never set. */
const zeroTime = "0001-01-01T00:00:00Z";

/** RFC 3339 with up to nine digits and no trailing zeros; of an absent time, year 1, as Go has it. */
export function jsonTime(time: WireTime | undefined): string {
  if (time === undefined) return zeroTime;
  const start = dateOf((Number(time.seconds ?? 0) * 1_000) as Instant)
    .toISOString()
    .slice(0, 19);
  const nanos = time.nanos ?? 0;
  return nanos === 0 ? `${start}Z` : `${start}.${fractionOf(nanos)}Z`;
}

/** Of the nine digits those up to the last that is not zero. Counted, because lists hold thousands of times. */
function fractionOf(nanos: number): string {
  let [rest, digits] = [nanos, 9];
  while (rest % 10 === 0) [rest, digits] = [rest / 10, digits - 1];
  return String(rest).padStart(digits, "0");
}

/** A time in RFC 3339, in any zone. */
export const time: Shape<WireTime> = {
  zero: undefined,
  isZero: () => false,
  write: (value) => jsonTime(value),
  read: (json: Json) => {
    const parts =
      typeof json === "string"
        ? /^(?<start>[\dT:-]{19})(?:\.(?<fraction>\d{1,9}))?(?<zone>Z|[+-]\d\d:\d\d)$/.exec(json)
        : null;
    const { start = "", fraction = "", zone = "" } = parts?.groups ?? {};
    const instant = Date.parse(`${start}${zone}`);
    if (Number.isNaN(instant)) throw invalidArgument(`${JSON.stringify(json)} is not a time as of RFC 3339`);
    return wireTime(BigInt(instant) / 1_000n, Number(fraction.padEnd(9, "0")));
  },
};
