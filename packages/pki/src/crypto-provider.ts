import type { webcrypto } from "node:crypto";

type CryptoKey = webcrypto.CryptoKey;
type Bytes = webcrypto.BufferSource;
type Usages = webcrypto.KeyUsage[];

/**
 * Where keys are made and signatures computed: the part of WebCrypto that certificates need, as a parameter. In
 * production `webcrypto` of `node:crypto`; in simulations `simulatedCrypto` of `@mswarm/pki/testing`.
 * Chains are verified and digests made by synchronous calls of `node:crypto`, which need no provider.
 */
export interface CryptoProvider {
  readonly subtle: {
    generateKey(algorithm: typeof p256, extractable: boolean, usages: Usages): Promise<webcrypto.CryptoKeyPair>;
    importKey(
      format: "pkcs8" | "spki",
      data: Bytes,
      algorithm: KeyAlgorithm,
      extractable: boolean,
      usages: Usages,
    ): Promise<CryptoKey>;
    exportKey(format: "pkcs8" | "spki", key: CryptoKey): Promise<ArrayBuffer>;
    sign(algorithm: SignatureAlgorithm, key: CryptoKey, data: Bytes): Promise<ArrayBuffer>;
    verify(algorithm: SignatureAlgorithm, key: CryptoKey, signature: Bytes, data: Bytes): Promise<boolean>;
  };
}

/** Elliptic curves carry their name, RSA keys their hash. */
export interface KeyAlgorithm {
  readonly name: string;
  readonly namedCurve: string;
  readonly hash: string;
}

export interface SignatureAlgorithm {
  readonly name: string;
  readonly hash: string;
}

/** ECDSA on P-256: what every key made here is. */
export const p256 = { name: "ECDSA", namedCurve: "P-256" } as const;
