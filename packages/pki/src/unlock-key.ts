import { invalidArgument, type Random } from "@mswarm/runtime";

/** The key-encrypting key of locked managers: 32 random bytes, the same for all managers of a cluster. */
export const unlockKeyBytes = 32;

const prefix = "SWMKEY-1-";

export function newUnlockKey(random: Random): Buffer {
  return random.bytes(unlockKeyBytes);
}

/** The text for people: `SWMKEY-1-` and standard base64 without padding (wire 4.1). */
export function formatUnlockKey(key: Buffer): string {
  return prefix + key.toString("base64").replace(/=+$/, "");
}

/**
 * Reads a key as `formatUnlockKey` writes it. Differs: a key of another length than 32 bytes is refused, where SwarmKit
 * pads or cuts it silently. Errors: INVALID_ARGUMENT `invalid key string`.
 */
export function parseUnlockKey(text: string): Buffer {
  const encoded = text.startsWith(prefix) ? text.slice(prefix.length) : "";
  const key = Buffer.from(encoded, "base64");
  if (key.length !== unlockKeyBytes || formatUnlockKey(key) !== text) throw invalidArgument("invalid key string");
  return key;
}
