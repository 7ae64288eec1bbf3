// Sizes and processor counts in docker's grammar.
import { invalidArgument } from "@mswarm/runtime";

const powers = ["", "k", "m", "g", "t", "p"];

/**
 * Bytes of `64m`, `1.5GiB`, `512`; units are powers of 1024. The answer is a decimal string, as the wire has it.
 * Errors: INVALID_ARGUMENT `invalid size: '…'`. Source: docker/go-units, RAMInBytes.
 */
export function parseBytes(text: string): string {
  const { count, unit = "" } = /^(?<count>\d+(?:\.\d+)?) ?(?<unit>[kmgtp]?)i?b?$/i.exec(text)?.groups ?? {};
  if (count === undefined) throw invalidArgument(`invalid size: '${text}'`);
  return String(Math.trunc(Number(count) * 1_024 ** powers.indexOf(unit.toLowerCase())));
}

/** `64MiB`, with four significant digits. Source: docker/go-units, BytesSize. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let [value, index] = [bytes, 0];
  while (value >= 1_024 && index < units.length - 1) {
    value /= 1_024;
    index += 1;
  }
  return `${Number(value.toPrecision(4))}${units[index]}`;
}

/** Billionths of a processor of `0.5` or `.25`, as the wire has them. Errors: INVALID_ARGUMENT. */
export function parseCpus(text: string): string {
  if (!/^(?:\d+(?:\.\d*)?|\.\d+)$/.test(text)) throw invalidArgument(`failed to parse ${text} as a rational number`);
  const [whole = "", fraction = ""] = text.split(".");
  if (fraction.replace(/0+$/, "").length > 9) throw invalidArgument("value is too precise");
  // Not by multiplication: 0.29 · 10^9 is not a whole number in floating point.
  return String(BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0").slice(0, 9)));
}

/** A whole number, not negative, as a decimal string. Errors: INVALID_ARGUMENT with Go's sentence. */
export function parseUnsigned(text: string): string {
  const isNumber = /^\d+$/.test(text);
  if (!isNumber) throw invalidArgument(`strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`);
  if (BigInt(text) >= 2n ** 64n) {
    throw invalidArgument(`strconv.ParseUint: parsing ${JSON.stringify(text)}: value out of range`);
  }
  return String(BigInt(text));
}

/** A number that may have a fraction. Errors: INVALID_ARGUMENT with Go's sentence. */
export function parseFraction(text: string): number {
  if (!/^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?$/i.test(text)) {
    throw invalidArgument(`strconv.ParseFloat: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return Number(text);
}
