import { between, type Duration, type Instant } from "@mswarm/runtime";

/** `5 seconds`, `About a minute`, `3 weeks`. Source: docker/go-units, HumanDuration. */
export function humanDuration(span: Duration): string {
  const seconds = Math.trunc(span / 1_000);
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.trunc(seconds / 3_600 + 0.5);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.trunc(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.trunc(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`;
  return `${Math.trunc(seconds / 3_600 / 24 / 365)} years`;
}

/** `5 seconds ago`; empty for a time that was never set. */
export function ago(then: Instant | undefined, now: Instant): string {
  return then === undefined ? "" : `${humanDuration(between(then, now))} ago`;
}
