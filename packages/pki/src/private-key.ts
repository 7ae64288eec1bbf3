// Private keys: which are accepted, and the encryption of `swarm-node.key` (PKCS#8 PBES2, wire 3.11).
import { createCipheriv, createPrivateKey, createPublicKey, type KeyObject, pbkdf2Sync } from "node:crypto";
import { invalidArgument, type Random } from "@mswarm/runtime";
import * as asn1js from "asn1js";
import { formatPem, type PemBlock } from "./pem.ts";

/** RSA of 2048 to 8192 bits (larger ones only cost time) and the NIST curves (wire 3.2). Errors: INVALID_ARGUMENT. */
export function checkKeyStrength(key: KeyObject): void {
  const curve = key.asymmetricKeyDetails?.namedCurve;
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  const isAccepted =
    key.asymmetricKeyType === "rsa"
      ? bits >= 2_048 && bits <= 8_192
      : key.asymmetricKeyType === "ec" && ["prime256v1", "secp384r1", "secp521r1"].includes(curve ?? "");
  if (!isAccepted) throw invalidArgument("only RSA keys of 2048 to 8192 bits, and ECDSA keys on P-256, P-384 or P-521");
}

/** Reads an unencrypted PEM key of any accepted form. Errors: INVALID_ARGUMENT, never with a part of the key in it. */
export function parsePrivateKey(keyPem: string): KeyObject {
  try {
    return createPrivateKey(keyPem);
  } catch {
    throw invalidArgument("not a valid private key in PEM");
  }
}

/** DER SubjectPublicKeyInfo of a public key, or of the one that belongs to a private key. */
export function publicKeyDerOf(key: KeyObject): Buffer {
  return (key.type === "private" ? createPublicKey(key) : key).export({ type: "spki", format: "der" });
}

/** PKCS#8 PEM of a key, in the form Go and OpenSSL write. */
export function formatPrivateKey(key: KeyObject): string {
  return formatPem({ type: "PRIVATE KEY", data: key.export({ type: "pkcs8", format: "der" }) });
}

const oid = {
  pbes2: "1.2.840.113549.1.5.13",
  pbkdf2: "1.2.840.113549.1.5.12",
  aes256Cbc: "2.16.840.1.101.3.4.1.42",
} as const;

/** What Docker writes and reads; its reader knows no other key derivation. The password is a random key, not a phrase. */
const iterations = 2_048;

/**
 * Encrypts a key under the key-encrypting key: PBES2 with PBKDF2-HMAC-SHA1 and AES-256-CBC, the password being the raw
 * bytes of `kek`. Source: swarmkit ca/pkcs8.
 */
export function encryptPrivateKey(keyPem: string, kek: Buffer, random: Random): PemBlock {
  const plain = parsePrivateKey(keyPem).export({ type: "pkcs8", format: "der" });
  const salt = random.bytes(8);
  const vector = random.bytes(16);
  const cipher = createCipheriv("aes-256-cbc", pbkdf2Sync(kek, salt, iterations, 32, "sha1"), vector);
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
  const octets = (bytes: Buffer): asn1js.OctetString => new asn1js.OctetString({ valueHex: bytes });
  const named = (value: string): asn1js.ObjectIdentifier => new asn1js.ObjectIdentifier({ value });
  const sequence = (...value: asn1js.AsnType[]): asn1js.Sequence => new asn1js.Sequence({ value });
  const derivation = sequence(named(oid.pbkdf2), sequence(octets(salt), new asn1js.Integer({ value: iterations })));
  const scheme = sequence(named(oid.aes256Cbc), octets(vector));
  const info = sequence(sequence(named(oid.pbes2), sequence(derivation, scheme)), octets(sealed));
  return { type: "ENCRYPTED PRIVATE KEY", headers: [], data: Buffer.from(info.toBER()) };
}

/** True for a block that needs a key-encrypting key, PKCS#8 or the older RFC 1423 form. */
export function isEncryptedKey(block: PemBlock): boolean {
  return block.type === "ENCRYPTED PRIVATE KEY" || block.headers.some(([name]) => name === "DEK-Info");
}

/**
 * Decrypts a key; undefined when `kek` is not the key it was encrypted with. RFC 1423 encryption of old nodes is read.
 */
export function decryptPrivateKey(block: PemBlock, kek: Buffer): KeyObject | undefined {
  const legacy = ["Proc-Type", "DEK-Info"].flatMap((name) => block.headers.filter(([header]) => header === name));
  try {
    return createPrivateKey({ key: formatPem({ ...block, headers: legacy }), format: "pem", passphrase: kek });
  } catch {
    return undefined;
  }
}
