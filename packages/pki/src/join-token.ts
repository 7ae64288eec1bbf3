import { createHash, timingSafeEqual } from "node:crypto";
import { invalidArgument, type Random } from "@mswarm/runtime";
import { rootDigest } from "./root-bundle.ts";

const digestLength = 50;
const secretLength = 25;
const secretBytes = 16;
/** 2^256 - 1 has 50 digits in base 36, and 50 digits can say more than that. */
const digestMax = 2n ** 256n - 1n;

/**
 * A parsed join token. It shows itself as `[join token]` in texts and JSON, and inspection cannot see the private field;
 * only `reveal` gives the text.
 *
 * Grammar (wire 3.3): `SWMTKN-1-<digest>-<secret>`, or `SWMTKN-2-<f>-<digest>-<secret>` with f = 1 for a cluster that
 * demands FIPS. Digest: SHA-256 of the root bundle in base 36, 50 digits. Secret: 16 random bytes in base 36, 25 digits.
 */
export class JoinToken {
  /** SHA-256 of the root bundle, 64 hex digits. */
  readonly rootDigest: string;
  readonly fips: boolean;
  readonly #text: string;

  constructor(parts: { readonly rootDigest: string; readonly fips: boolean; readonly text: string }) {
    this.rootDigest = parts.rootDigest;
    this.fips = parts.fips;
    this.#text = parts.text;
  }

  /** The whole token, for the one request that carries it. */
  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return "[join token]";
  }

  toJSON(): string {
    return "[join token]";
  }
}

/** Errors: INVALID_ARGUMENT `invalid join token`, without any part of the text. */
export function parseJoinToken(text: string): JoinToken {
  const [prefix, version, ...rest] = text.split("-");
  const flag = version === "2" ? rest.shift() : "0";
  const [digest = "", secret = "", ...more] = rest;
  const isWellFormed =
    prefix === "SWMTKN" &&
    (version === "1" || version === "2") &&
    (flag === "0" || flag === "1") &&
    more.length === 0 &&
    isBase36(digest, digestLength) &&
    isBase36(secret, secretLength);
  const value = isWellFormed ? fromBase36(digest) : digestMax + 1n;
  if (value > digestMax) throw invalidArgument("invalid join token");
  return new JoinToken({ rootDigest: value.toString(16).padStart(64, "0"), fips: flag === "1", text });
}

/**
 * The text of a token.
 *
 * @param parts.rootDigest  64 hex digits
 * @param parts.secret      16 bytes
 */
export function formatJoinToken(parts: {
  readonly rootDigest: string;
  readonly secret: Buffer;
  readonly fips?: boolean;
}): string {
  const digest = BigInt(`0x${parts.rootDigest}`).toString(36).padStart(digestLength, "0");
  const secret = BigInt(`0x${parts.secret.toString("hex")}`)
    .toString(36)
    .padStart(secretLength, "0");
  return parts.fips === true ? `SWMTKN-2-1-${digest}-${secret}` : `SWMTKN-1-${digest}-${secret}`;
}

/** The text of a new token for clusters with this root; kept in `cluster.root_ca.join_tokens`. */
export function newJoinToken(rootPem: string, random: Random): string {
  return formatJoinToken({ rootDigest: rootDigest(rootPem), secret: random.bytes(secretBytes) });
}

/** Compares two whole tokens in constant time, whatever their lengths. An empty token equals nothing. */
export function tokensEqual(a: string, b: string): boolean {
  const digestOf = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digestOf(a), digestOf(b)) && a !== "";
}

const isBase36 = (text: string, length: number): boolean => text.length === length && /^[0-9a-z]+$/.test(text);

function fromBase36(text: string): bigint {
  let value = 0n;
  for (const digit of text) value = value * 36n + BigInt(Number.parseInt(digit, 36));
  return value;
}
