import { randomBytes, randomInt } from "node:crypto";

/** Randomness as a parameter. The seeded twin is in `@mswarm/runtime/simulated`. */
export interface Random {
  /** `count` random bytes; the caller owns them. */
  bytes(count: number): Buffer;
  /** A whole number in 0 … `limit` − 1; `limit` at least 1 and at most 2^48 − 1. */
  below(limit: number): number;
  /** A number in [0, 1). */
  fraction(): number;
}

/** Asking for a few bytes costs as much as asking for all of these: ids and nonces are cut from one piece. */
const pieceLength = 4_096;
const cutMax = 64;

function cutter(): (count: number) => Buffer {
  let piece = Buffer.alloc(0);
  let used = 0;
  return (count) => {
    if (used + count > piece.length) {
      piece = randomBytes(pieceLength);
      used = 0;
    }
    const rest = piece.subarray(used, used + count);
    const cut = Buffer.from(rest);
    // What has been given out exists once.
    rest.fill(0);
    used += count;
    return cut;
  };
}

/** Cryptographically strong randomness of the operating system. */
export function cryptoRandom(): Random {
  const cut = cutter();
  return {
    bytes: (count) => (count > cutMax ? randomBytes(count) : cut(count)),
    below: (limit) => randomInt(limit),
    fraction: () => randomInt(2 ** 47) / 2 ** 47,
  };
}

/** Picks one element; `items` must not be empty. */
export function pick<T>(items: readonly T[], random: Random): T {
  return items[random.below(items.length)] as T;
}
