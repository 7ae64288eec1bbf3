// Moments as `--since` takes them. Source: moby api/types/time/timestamp.go.
import { after, type Instant, invalidArgument, milliseconds, type WireTime, wireTimestamp } from "@mswarm/runtime";
import { parseDuration } from "./go-duration.ts";

/** Nanoseconds as a number lose what the wire keeps, so fractions stay text until the end. */
const unixTime = /^(?<seconds>-?\d+)(?:\.(?<fraction>\d{1,9}))?$/;
const dateTime =
  /^(?<date>\d{4}-\d{2}-\d{2})(?:T(?<time>\d{2}(?::\d{2}(?::\d{2})?)?)(?:\.(?<fraction>\d{1,9}))?)?(?<zone>Z|[-+]\d{2}:\d{2})?$/;

/**
 * Reads a span back from `now` (`42m`), seconds since 1970 (`1700000000.5`), or a date with as much of the time as one
 * likes; without zone it is this machine's. Errors: INVALID_ARGUMENT.
 */
export function parseMoment(text: string, now: Instant): WireTime {
  const unix = unixTime.exec(text)?.groups;
  if (unix !== undefined) return { seconds: unix["seconds"] ?? "0", nanos: nanosOf(unix["fraction"]) };
  const date = dateTime.exec(text)?.groups;
  if (date !== undefined) return momentOfDate(text, date);
  return wireTimestamp(after(now, milliseconds(-parseDuration(text))));
}

function momentOfDate(
  text: string,
  { date, time = "00", zone = "", fraction }: Record<string, string | undefined>,
): WireTime {
  const full = `${time}:00:00`.slice(0, "00:00:00".length);
  const parsed = new Date(`${date}T${full}${zone}`).getTime();
  if (Number.isNaN(parsed)) throw invalidArgument(`there is no such moment: ${text}`);
  return { seconds: String(Math.floor(parsed / 1_000)), nanos: nanosOf(fraction) };
}

const nanosOf = (fraction: string | undefined): number => Number((fraction ?? "").padEnd(9, "0"));

/** `2006-01-02T15:04:05.000000000Z`: nine digits always. */
export function formatMoment(time: WireTime | undefined): string {
  const { seconds = "0", nanos = 0 } = time ?? {};
  return `${new Date(Number(seconds) * 1_000).toISOString().slice(0, "2006-01-02T15:04:05".length)}.${String(nanos).padStart(9, "0")}Z`;
}
