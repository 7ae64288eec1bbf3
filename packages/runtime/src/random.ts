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

/** Cryptographically strong randomness of the operating system. */
export function cryptoRandom(): Random {
  return {
    bytes: (count) => randomBytes(count),
    below: (limit) => randomInt(limit),
    fraction: () => randomInt(2 ** 47) / 2 ** 47,
  };
}

/** Picks one element; `items` must not be empty. */
export function pick<T>(items: readonly T[], random: Random): T {
  return items[random.below(items.length)] as T;
}
