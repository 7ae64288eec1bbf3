import { createPrivateKey, createPublicKey, KeyObject, verify, type webcrypto } from "node:crypto";
import { type Random, unimplemented } from "@mswarm/runtime";
import { p256 as curve } from "@noble/curves/nist.js";
import { type CryptoProvider, p256 } from "../crypto-provider.ts";

/**
 * A crypto provider for simulations: keys come from `random`, signatures depend on nothing but key and data (RFC 6979)
 * and have one length in DER, and every answer comes in a microtask. WebCrypto's threads would decide an order, and
 * its signatures differ from run to run. P-256 only, every key extractable. Not for real keys.
 */
export function simulatedCrypto(random: Random): CryptoProvider {
  return {
    subtle: {
      generateKey: async () => {
        const key = newPrivateKey(random);
        return {
          privateKey: key.toCryptoKey(p256, true, ["sign"]),
          publicKey: createPublicKey(key).toCryptoKey(p256, true, ["verify"]),
        };
      },
      importKey: async (format, data, algorithm, _extractable, usages) => {
        if (algorithm.namedCurve !== p256.namedCurve) throw unimplemented("the simulated crypto knows P-256 only");
        const key = Buffer.from(bytesOf(data));
        const read =
          format === "pkcs8"
            ? createPrivateKey({ key, format: "der", type: "pkcs8" })
            : createPublicKey({ key, format: "der", type: "spki" });
        return read.toCryptoKey(p256, true, usages);
      },
      exportKey: async (format, key) => {
        const owner = KeyObject.from(key);
        return exactBuffer(
          format === "pkcs8"
            ? owner.export({ format: "der", type: "pkcs8" })
            : owner.export({ format: "der", type: "spki" }),
        );
      },
      sign: async (_algorithm, key, data) => exactBuffer(signFixed(KeyObject.from(key), bytesOf(data))),
      verify: async (_algorithm, key, signature, data) =>
        verify("sha256", bytesOf(data), { key: KeyObject.from(key), dsaEncoding: "ieee-p1363" }, bytesOf(signature)),
    },
  };
}

function newPrivateKey(random: Random): KeyObject {
  const secret = curve.utils.randomSecretKey(random.bytes(48));
  const point = curve.getPublicKey(secret, false);
  const field = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
  const jwk = { kty: "EC", crv: "P-256", d: field(secret), x: field(point.slice(1, 33)), y: field(point.slice(33)) };
  return createPrivateKey({ key: jwk, format: "jwk" });
}

/** Signs until both halves are 32 bytes and positive in DER, so that certificates of equal subjects are equally long. */
function signFixed(key: KeyObject, data: Uint8Array): Uint8Array {
  const secret = Buffer.from(key.export({ format: "jwk" }).d ?? "", "base64url");
  for (let attempt = 0; ; attempt += 1) {
    const extraEntropy = Buffer.alloc(32);
    extraEntropy.writeUInt32BE(attempt);
    const signature = curve.sign(data, secret, { lowS: false, extraEntropy });
    const isFixed = [0, 32].every((start) => (signature[start] ?? 0) > 0 && (signature[start] ?? 0) < 0x80);
    if (isFixed) return signature;
  }
}

function bytesOf(data: webcrypto.BufferSource): Uint8Array {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

function exactBuffer(bytes: Uint8Array): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.length);
  new Uint8Array(copy).set(bytes);
  return copy;
}
