import type { Random } from "./random.ts";

const idLength = 25;

/**
 * A new object id: 25 characters of `0-9a-z`.
 * 17 random bytes with the top bit set, in base 36, without the first character (which carries little randomness).
 * Source: swarmkit identity/randomid.go.
 */
export function newId(random: Random): string {
  const bytes = random.bytes(17);
  bytes[0] = (bytes[0] ?? 0) | 0x80;
  return BigInt(`0x${bytes.toString("hex")}`)
    .toString(36)
    .slice(1, idLength + 1);
}

/** True for a text of the form that `newId` makes. */
export function isId(text: string): boolean {
  return /^[0-9a-z]{25}$/.test(text);
}
