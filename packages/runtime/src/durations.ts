// Durations and instants as branded numbers of milliseconds: a bare number does not compile where one is expected.

declare const durationBrand: unique symbol;
declare const instantBrand: unique symbol;

/** A span of time in milliseconds; may be fractional, may be negative as a difference. */
export type Duration = number & { readonly [durationBrand]: true };
/** A point in time: milliseconds since the Unix epoch. */
export type Instant = number & { readonly [instantBrand]: true };

export const milliseconds = (count: number): Duration => count as Duration;
export const seconds = (count: number): Duration => (count * 1_000) as Duration;
export const minutes = (count: number): Duration => (count * 60_000) as Duration;
export const hours = (count: number): Duration => (count * 3_600_000) as Duration;

/** The instant `span` after `start`; earlier when `span` is negative. */
export const after = (start: Instant, span: Duration): Instant => (start + span) as Instant;
/** Time from `start` to `end`; negative when `end` is earlier. */
export const between = (start: Instant, end: Instant): Duration => (end - start) as Duration;
export const instantOf = (date: Date): Instant => date.getTime() as Instant;
export const dateOf = (instant: Instant): Date => new Date(instant);

/** A `google.protobuf.Duration` or `Timestamp` as the wire types spell it. */
export interface WireTime {
  seconds?: string;
  nanos?: number;
}

function toWire(total: number): { seconds: string; nanos: number } {
  const wholeSeconds = Math.trunc(total / 1_000);
  return { seconds: String(wholeSeconds), nanos: Math.round((total - wholeSeconds * 1_000) * 1e6) };
}

/** A protobuf Duration; exact to the nanosecond for spans below about a day. */
export const wireDuration = (span: Duration): { seconds: string; nanos: number } => toWire(span);
/** A protobuf Timestamp. */
export const wireTimestamp = (instant: Instant): { seconds: string; nanos: number } => toWire(instant);
/** Reads a protobuf Duration; absent means `fallback`. */
export function durationOf(wire: WireTime | undefined, fallback: Duration): Duration {
  return wire === undefined ? fallback : milliseconds(Number(wire.seconds ?? 0) * 1_000 + (wire.nanos ?? 0) / 1e6);
}
/** Reads a protobuf Timestamp; absent means undefined. */
export function timestampOf(wire: WireTime | undefined): Instant | undefined {
  return wire === undefined ? undefined : ((Number(wire.seconds ?? 0) * 1_000 + (wire.nanos ?? 0) / 1e6) as Instant);
}
