import type { LogTimestamp } from "./engine.ts";

const pattern = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))$/;

/** Days from 1970-01-01 to a day of the Gregorian calendar; `month` and `day` count from 1. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  // Years begin in March here, so that the leap day is the last of its year.
  const shifted = month > 2 ? year : year - 1;
  const monthFromMarch = (month + 9) % 12;
  const leapDays = Math.floor(shifted / 4) - Math.floor(shifted / 100) + Math.floor(shifted / 400);
  return shifted * 365 + leapDays + Math.floor((monthFromMarch * 153 + 2) / 5) + day - 1 - 719_468;
}

/**
 * Reads an RFC 3339 time without losing nanoseconds (a Date would keep milliseconds only); undefined when it is none.
 */
export function parseLogTimestamp(text: string): LogTimestamp | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const offset =
    match[8] === undefined ? 0 : (Number(match[9]) * 60 + Number(match[10])) * (match[8] === "-" ? -60 : 60);
  const total = daysSinceEpoch(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset;
  return { seconds: String(total), nanos: Number((match[7] ?? "").padEnd(9, "0")) };
}

/** As the engine's `since` wants it: seconds with nine decimals. */
export function formatLogTimestamp(timestamp: LogTimestamp): string {
  return `${timestamp.seconds}.${String(timestamp.nanos).padStart(9, "0")}`;
}
