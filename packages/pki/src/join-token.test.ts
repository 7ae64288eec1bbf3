import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import { SeededRandom } from "@mswarm/runtime/simulated";
import fc from "fast-check";
import { expect, test } from "vitest";
import { formatJoinToken, newJoinToken, parseJoinToken, tokensEqual } from "./join-token.ts";
import { rootDigest } from "./root-bundle.ts";

const fixture = (name: string): string =>
  readFileSync(new URL(`../fixtures/docker-20.10.24/${name}`, import.meta.url), "utf8");

test("tokens of a Docker cluster carry the digest of its root", () => {
  const root = fixture("plain/swarm-root-ca.crt");
  for (const name of ["worker-token", "manager-token"]) {
    expect(parseJoinToken(fixture(name).trim()).rootDigest).toBe(rootDigest(root));
  }
});

test("every token that is written is read back, with any digest and secret", () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  fc.assert(
    fc.property(bytes(32), bytes(16), fc.boolean(), (digest, secret, fips) => {
      const hex = Buffer.from(digest).toString("hex");
      const text = formatJoinToken({ rootDigest: hex, secret: Buffer.from(secret), fips });
      const token = parseJoinToken(text);
      expect(text).toMatch(fips ? /^SWMTKN-2-1-[0-9a-z]{50}-[0-9a-z]{25}$/ : /^SWMTKN-1-[0-9a-z]{50}-[0-9a-z]{25}$/);
      expect({ digest: token.rootDigest, fips: token.fips, text: token.reveal() }).toEqual({ digest: hex, fips, text });
    }),
  );
});

const digest = "6".repeat(50);
const secret = "5".repeat(25);

test.each([
  ["nothing", ""],
  ["another prefix", `SWMKEY-1-${digest}-${secret}`],
  ["an unknown version", `SWMTKN-3-${digest}-${secret}`],
  ["a missing secret", `SWMTKN-1-${digest}`],
  ["a part too many", `SWMTKN-1-${digest}-${secret}-x`],
  ["a short digest", `SWMTKN-1-${digest.slice(1)}-${secret}`],
  ["a long secret", `SWMTKN-1-${digest}-${secret}1`],
  ["capital letters", `SWMTKN-1-${"A".repeat(50)}-${secret}`],
  ["a digest beyond 256 bits", `SWMTKN-1-${"z".repeat(50)}-${secret}`],
  ["version 2 without flag", `SWMTKN-2-${digest}-${secret}`],
  ["version 2 with another flag", `SWMTKN-2-2-${digest}-${secret}`],
  ["a line feed at the end", `SWMTKN-1-${digest}-${secret}\n`],
])("a token with %s is invalid", (_name, text) => {
  expect(() => parseJoinToken(text)).toThrow(/^invalid join token$/);
});

test("any text is a token or is refused without being repeated", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constantFrom("SWMTKN", "-", "1", "2", digest, secret), fc.string())), (parts) => {
      try {
        expect(parseJoinToken(parts.join("")).rootDigest).toHaveLength(64);
      } catch (error) {
        expect(error).toHaveProperty("message", "invalid join token");
      }
    }),
  );
});

test("a parsed token does not show its secret when it is printed", () => {
  const token = parseJoinToken(newJoinToken("root", new SeededRandom(1)));
  for (const shown of [
    `${token}`,
    JSON.stringify({ token }),
    inspect(token),
    inspect({ token }, { showHidden: true }),
  ]) {
    expect(shown).not.toContain(token.reveal().slice(-25));
  }
});

test("tokens are equal only as a whole, and empty ones never", () => {
  const token = newJoinToken("root", new SeededRandom(1));
  expect(tokensEqual(token, token)).toBe(true);
  expect(tokensEqual(token, token.slice(0, -1))).toBe(false);
  expect(tokensEqual(token, `${token}x`)).toBe(false);
  expect(tokensEqual("", "")).toBe(false);
});
