import { isSwarmError } from "@mswarm/runtime";
import fc from "fast-check";
import { expect, test } from "vitest";
import { certificatesOfPem, formatPem, normalizePem, parsePem } from "./pem.ts";

const block = fc.record({
  type: fc.constantFrom("CERTIFICATE", "PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
  headers: fc.array(fc.tuple(fc.stringMatching(/^[a-z][a-z-]{0,10}$/), fc.stringMatching(/^[A-Za-z0-9+/=]{0,20}$/)), {
    maxLength: 4,
  }),
  data: fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
});

test("every block that is written is read back with its headers", () => {
  fc.assert(
    fc.property(fc.array(block, { maxLength: 4 }), (blocks) => {
      expect(parsePem(blocks.map(formatPem).join("junk between\n"))).toEqual(blocks);
    }),
  );
});

test("any text gives blocks or an INVALID_ARGUMENT, never another failure", () => {
  const pieces = fc.constantFrom("-----BEGIN ", "-----END ", "CERTIFICATE", "-----", "\n", ":", "AAAA", "=", "%");
  fc.assert(
    fc.property(fc.array(fc.oneof(pieces, fc.string()), { maxLength: 30 }), (parts) => {
      try {
        parsePem(parts.join(""));
      } catch (error) {
        expect(isSwarmError(error, "INVALID_ARGUMENT")).toBe(true);
      }
    }),
  );
});

test("a megabyte of unfinished blocks is read in linear time", () => {
  expect(() => parsePem("-----BEGIN CERTIFICATE-----\n".repeat(40_000))).toThrow("no end line");
});

test("two spellings of a certificate are the same after normalisation", () => {
  const data = Buffer.alloc(60, 7);
  const wide = `-----BEGIN CERTIFICATE-----\r\nheader: x\r\n\r\n${data.toString("base64")}\r\n-----END CERTIFICATE-----`;
  expect(normalizePem(wide)).toBe(formatPem({ type: "CERTIFICATE", data }));
});

test("a private key among certificates is refused and not repeated", () => {
  const pem = formatPem({ type: "PRIVATE KEY", data: Buffer.from("hidden") });
  expect(() => certificatesOfPem(pem)).toThrow("expected certificates, found a PEM block PRIVATE KEY");
});
