// Durations as Go's `time` package reads and writes them, which is docker's grammar: libraries for JavaScript take "1 week".
import { type Duration, invalidArgument, milliseconds } from "@mswarm/runtime";

const unitMilliseconds: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Reads `10s`, `1m30s`, `1.5h`, `0`. Errors: INVALID_ARGUMENT with Go's sentences.
 */
export function parseDuration(text: string): Duration {
  const { sign = "", rest = "" } = /^(?<sign>[-+]?)(?<rest>.*)$/.exec(text)?.groups ?? {};
  if (rest === "0") return milliseconds(0);
  const parts = [...rest.matchAll(/(?<count>\d+(?:\.\d*)?|\.\d+)(?<unit>ns|us|µs|ms|s|m|h)/g)];
  const read = parts.map(([part]) => part).join("");
  if (rest === "" || read !== rest) {
    const isNumber = /^[\d.]+$/.test(rest.slice(read.length));
    throw invalidArgument(`time: ${isNumber ? "missing unit in" : "invalid"} duration ${JSON.stringify(text)}`);
  }
  const total = parts.reduce((sum, { groups }) => {
    return sum + Number(groups?.["count"]) * (unitMilliseconds[groups?.["unit"] ?? ""] ?? 0);
  }, 0);
  return milliseconds(sign === "-" ? -total : total);
}

/** Writes `1m30s`, `500ms`, `2160h0m0s`, as Go does. */
export function formatDuration(span: Duration): string {
  if (span === 0) return "0s";
  if (span < 0) return `-${formatDuration(milliseconds(-span))}`;
  if (span < 1e-3) return `${trimmed(span * 1e6)}ns`;
  if (span < 1) return `${trimmed(span * 1e3)}µs`;
  if (span < 1_000) return `${trimmed(span)}ms`;
  const hours = Math.floor(span / 3_600_000);
  const minutes = Math.floor((span % 3_600_000) / 60_000);
  const rest = `${trimmed((span % 60_000) / 1_000)}s`;
  if (hours > 0) return `${hours}h${minutes}m${rest}`;
  return minutes > 0 ? `${minutes}m${rest}` : rest;
}

const trimmed = (value: number): string => String(Number(value.toFixed(9)));
