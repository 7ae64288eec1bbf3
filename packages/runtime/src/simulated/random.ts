import type { Random } from "../random.ts";

/** Deterministic randomness from a 32-bit seed (xoshiro128**, seeded by splitmix32). Not for keys. */
export class SeededRandom implements Random {
  readonly #state: Uint32Array;

  constructor(seed: number) {
    let mixing = seed >>> 0;
    this.#state = Uint32Array.from({ length: 4 }, () => {
      mixing = (mixing + 0x9e3779b9) >>> 0;
      let z = mixing;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return (z ^ (z >>> 15)) >>> 0;
    });
  }

  #next(): number {
    const s = this.#state;
    const [s0 = 0, s1 = 0, s2 = 0, s3 = 0] = s;
    const scaled = Math.imul(s1, 5);
    const result = Math.imul((scaled << 7) | (scaled >>> 25), 9) >>> 0;
    const shifted = s1 << 9;
    const x2 = s2 ^ s0;
    const x3 = s3 ^ s1;
    s[1] = s1 ^ x2;
    s[0] = s0 ^ x3;
    s[2] = x2 ^ shifted;
    s[3] = (x3 << 11) | (x3 >>> 21);
    return result;
  }

  fraction(): number {
    return this.#next() / 2 ** 32;
  }

  below(limit: number): number {
    return Math.floor(this.fraction() * limit);
  }

  bytes(count: number): Buffer {
    const bytes = Buffer.alloc(count);
    for (let index = 0; index < count; index += 1) bytes[index] = this.#next() & 0xff;
    return bytes;
  }

  /** A new generator whose stream does not depend on how this one is used afterwards. */
  fork(): SeededRandom {
    return new SeededRandom(this.#next());
  }
}
