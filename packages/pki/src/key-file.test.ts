import { execFileSync } from "node:child_process";
import { webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";
import { isSwarmError, SwarmError } from "@mswarm/runtime";
import { SeededRandom } from "@mswarm/runtime/simulated";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { createCertificateRequest } from "./certificate-request.ts";
import { formatKeyFile, type KeyFile, NodeLocked, parseKeyFile } from "./key-file.ts";
import { certificatesOfPem, parsePem } from "./pem.ts";
import { parsePrivateKey, publicKeyDerOf } from "./private-key.ts";
import { openRecord, sealRecord } from "./sealed-record.ts";
import { parseUnlockKey } from "./unlock-key.ts";
import { parseCertificate } from "./x509.ts";

const random = new SeededRandom(3);
const kek = random.bytes(32);
const recorded = (name: string): string =>
  readFileSync(new URL(`../fixtures/docker-20.10.24/${name}`, import.meta.url), "utf8");

let contents: KeyFile;
beforeAll(async () => {
  const { keyPem } = await createCertificateRequest({ crypto: webcrypto });
  contents = {
    keyPem,
    kekVersion: "18446744073709551615",
    raftDek: random.bytes(32),
    raftDekPending: random.bytes(32),
    raftDekNeedsRotation: true,
    otherHeaders: [["x-future", "kept"]],
  };
});

test("the key file of an unlocked Docker manager is read", () => {
  const file = parseKeyFile(recorded("plain/swarm-node.key"), undefined);
  expect(file.kekVersion).toBe("0");
  expect(file.raftDek?.toString("base64")).toBe("l6WX/jgALuhzmxSbj+1JwV+Q9cmeEldR9yILXioNugw=");
  const [leaf = Buffer.alloc(0)] = certificatesOfPem(recorded("plain/swarm-node.crt"));
  expect(publicKeyDerOf(parsePrivateKey(file.keyPem))).toEqual(parseCertificate(leaf).publicKeyDer);
});

test("the key file of a locked Docker manager opens with its unlock key and with no other", () => {
  const text = recorded("locked/swarm-node.key");
  const file = parseKeyFile(text, parseUnlockKey(recorded("unlock-key").trim()));
  expect(file.kekVersion).toBe("11");
  expect(file.raftDek).toHaveLength(32);
  expect(() => parseKeyFile(text, undefined)).toThrow(NodeLocked);
  expect(() => parseKeyFile(text, kek)).toThrow("node is locked, and needs a valid unlock key");
});

test("an unlocked Docker key file is written back byte for byte", () => {
  const text = recorded("plain/swarm-node.key");
  expect(formatKeyFile(parseKeyFile(text, undefined), undefined, random)).toBe(text);
});

test("a sealed file has the outline of Docker's: type, headers and encryption", () => {
  const text = formatKeyFile({ ...contents, otherHeaders: [] }, kek, random);
  const [block] = parsePem(text);
  const headers = ["kek-version", "raft-dek", "raft-dek-needs-rotation", "raft-dek-pending"];
  expect(block?.headers.map(([name]) => name)).toEqual(headers);
  const outline = (of: string): string[] => {
    const input = parsePem(of)[0]?.data ?? Buffer.alloc(0);
    const shown = execFileSync("openssl", ["asn1parse", "-inform", "DER"], { input, encoding: "utf8" });
    return shown.split("\n").map((line) => line.replace(/^\s*\d+:/, "").replace(/\[HEX DUMP\].*/, ""));
  };
  expect(outline(text)).toEqual(outline(recorded("locked/swarm-node.key")));
});

test.each([
  ["in the clear", undefined],
  ["sealed", kek],
])("everything is read back, %s", (_name, key) => {
  expect(parseKeyFile(formatKeyFile(contents, key, random), key)).toEqual(contents);
});

test("a sealed file shows neither the key nor the data keys", () => {
  const text = formatKeyFile(contents, kek, random);
  const raw = parsePem(text)[0]?.data.toString("hex");
  const secret = parsePrivateKey(contents.keyPem).export({ format: "jwk" }).d ?? "";
  expect(raw).not.toContain(Buffer.from(secret, "base64url").toString("hex"));
  expect(text).not.toContain(contents.raftDek?.toString("base64").slice(0, 20));
});

test("RFC 1423 keys of old nodes are read", () => {
  const plain = execFileSync("openssl", "ecparam -name prime256v1 -genkey -noout".split(" "), { encoding: "utf8" });
  const pass = kek.toString("base64");
  const sealed = execFileSync("openssl", ["ec", "-aes256", "-passout", `pass:${pass}`], {
    input: plain,
    encoding: "utf8",
    stdio: ["pipe", "pipe", "ignore"],
  });
  const file = parseKeyFile(sealed.replace("Proc-Type", "kek-version: 4\nProc-Type"), Buffer.from(pass));
  expect(file.kekVersion).toBe("4");
  expect(publicKeyDerOf(parsePrivateKey(file.keyPem))).toEqual(publicKeyDerOf(parsePrivateKey(plain)));
});

test("a damaged key file is refused without showing the key", () => {
  const text = formatKeyFile(contents, undefined, random);
  fc.assert(
    fc.property(fc.nat(text.length - 1), fc.string({ minLength: 1, maxLength: 3 }), (index, patch) => {
      try {
        parseKeyFile(text.slice(0, index) + patch + text.slice(index + 1), undefined);
      } catch (error) {
        expect(isSwarmError(error)).toBe(true);
        expect(String(error)).not.toMatch(/[A-Za-z0-9+/]{30}/);
      }
    }),
    { numRuns: 500 },
  );
});

test("sealed records have Docker's bytes", () => {
  const plain = random.bytes(32);
  expect(sealRecord(plain, undefined, random).subarray(0, 2).toString("hex")).toBe("1220");
  const sealed = sealRecord(plain, kek, random);
  expect(sealed).toHaveLength(4 + 48 + 2 + 24);
  expect(sealed.subarray(0, 4).toString("hex")).toBe("08011230");
  expect(sealed.subarray(52, 54).toString("hex")).toBe("1a18");
  expect(openRecord(sealed, kek)).toEqual(plain);
});

test.each([
  [
    "a sealed record without key",
    "record is encrypted",
    () => openRecord(sealRecord(Buffer.of(1), kek, random), undefined),
  ],
  ["another key", "cannot decrypt record", () => openRecord(sealRecord(Buffer.of(1), kek, random), random.bytes(32))],
  ["a short nonce", "require 24, got 2", () => openRecord(Buffer.from("080112001a020000", "hex"), kek)],
  ["a Fernet record", "FIPS", () => openRecord(Buffer.from("0802", "hex"), kek)],
  ["half a record", "unable to unmarshal", () => openRecord(Buffer.from("1220aa", "hex"), kek)],
])("%s is refused with a sentence", (_name, message, open) => {
  expect(open).toThrow(SwarmError);
  expect(open).toThrow(message);
});
