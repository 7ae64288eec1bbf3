import type { webcrypto } from "node:crypto";
import { createPublicKey } from "node:crypto";
import {
  after,
  type Clock,
  type Duration,
  failedPrecondition,
  hours,
  type Instant,
  invalidArgument,
  milliseconds,
  minutes,
  type Random,
  seconds,
} from "@mswarm/runtime";
import { requestedPublicKey } from "./certificate-request.ts";
import { type CryptoProvider, p256 } from "./crypto-provider.ts";
import { type NodeCertificateSubject, namesOf } from "./node-certificate.ts";
import { certificatesOfPem, formatPem, pemOfCertificates } from "./pem.ts";
import { checkKeyStrength, parsePrivateKey, publicKeyDerOf } from "./private-key.ts";
import { parseRootBundle, rootDigest } from "./root-bundle.ts";
import { type Certificate, parseCertificate, signCertificate } from "./x509.ts";

/** Node certificates live this long unless the cluster says otherwise. Source: swarmkit ca/certificates.go. */
export const defaultNodeCertificateValidity: Duration = hours(2_160);
/** The API refuses less; a signer that is given less uses the default. */
export const minimumNodeCertificateValidity: Duration = hours(1);

const rootValidity = seconds(630_720_000);
const rootBackdate = minutes(5);
/** For peers whose clock is behind. Source: swarmkit ca/certificates.go, CertBackdate. */
const nodeBackdate = hours(1);

export interface AuthorityParts {
  readonly crypto: CryptoProvider;
  readonly clock: Clock;
  readonly random: Random;
}

/** The cluster's certificate authority: its root bundle and, where this node holds it, the signing key. */
export interface Authority {
  /** The bundle that nodes trust, as stored and served. */
  readonly rootPem: string;
  /** SHA-256 of the bytes of `rootPem`, 64 hex digits. */
  readonly rootDigest: string;
  /** False for a cluster whose key lies with an external authority. */
  readonly canSign: boolean;
  /**
   * A certificate for the public key of `csrPem`; everything else in the request is ignored. `subject` is decided by the
   * caller from the token or from the record of the node, never from what the node asks for.
   *
   * @param options.validity  below one hour means the default of 90 days
   * @returns PEM chain: leaf, then the authority's intermediates
   * Errors: INVALID_ARGUMENT for a bad request; FAILED_PRECONDITION `no valid signer found` without a key.
   */
  signNodeCertificate(
    csrPem: string,
    subject: NodeCertificateSubject,
    options: { readonly validity: Duration },
  ): Promise<string>;
}

/** Makes a new root: key, self-signed certificate of 20 years, and the authority over both. */
export async function createAuthority(
  parts: AuthorityParts,
): Promise<{ authority: Authority; rootPem: string; keyPem: string }> {
  const { crypto, clock, random } = parts;
  const keys = await crypto.subtle.generateKey(p256, true, ["sign", "verify"]);
  const notBefore = after(roundedToMinute(clock.now()), back(rootBackdate));
  const der = await signCertificate(
    {
      subject: { commonName: "swarm-ca" },
      publicKeyDer: Buffer.from(await crypto.subtle.exportKey("spki", keys.publicKey)),
      serialNumber: newSerialNumber(random),
      notBefore,
      notAfter: after(notBefore, rootValidity),
      isAuthority: true,
      keyUsages: ["keyCertSign", "cRLSign"],
      extendedKeyUsages: [],
      dnsNames: [],
    },
    keys.privateKey,
    undefined,
    crypto,
  );
  const rootPem = pemOfCertificates([der]);
  const keyPem = formatPem({
    type: "PRIVATE KEY",
    data: Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey)),
  });
  return { authority: await loadAuthority({ rootPem, keyPem }, parts), rootPem, keyPem };
}

/**
 * An authority over stored material.
 *
 * @param stored.intermediatesPem  appended to every chain; the certificate of `keyPem` may be among them (root rotation)
 * Errors: INVALID_ARGUMENT for a bad bundle, `certificate key mismatch` when the key belongs to none of the certificates.
 */
export async function loadAuthority(
  stored: { readonly rootPem: string; readonly keyPem?: string; readonly intermediatesPem?: string },
  parts: AuthorityParts,
): Promise<Authority> {
  const { rootPem, keyPem, intermediatesPem = "" } = stored;
  const roots = parseRootBundle(rootPem, parts.clock.now());
  const intermediates = certificatesOfPem(intermediatesPem);
  const signer =
    keyPem === undefined
      ? undefined
      : await loadSigner(keyPem, [...intermediates.map(parseCertificate), ...roots], parts.crypto);
  return {
    rootPem,
    rootDigest: rootDigest(rootPem),
    canSign: signer !== undefined,
    signNodeCertificate: async (csrPem, subject, options) => {
      if (signer === undefined) throw failedPrecondition("no valid signer found");
      const publicKeyDer = await requestedPublicKey(csrPem, parts.crypto);
      const leaf = await signNode({ publicKeyDer, subject, validity: options.validity }, signer, parts);
      return pemOfCertificates([leaf, ...intermediates]);
    },
  };
}

interface Signer {
  readonly certificate: Certificate;
  readonly key: webcrypto.CryptoKey;
}

async function loadSigner(keyPem: string, candidates: readonly Certificate[], crypto: CryptoProvider): Promise<Signer> {
  const key = parsePrivateKey(keyPem);
  checkKeyStrength(key);
  const publicKeyDer = publicKeyDerOf(key);
  const certificate = candidates.find((candidate) => publicKeyDerOf(candidate.publicKey).equals(publicKeyDer));
  if (certificate === undefined) throw invalidArgument("certificate key mismatch");
  if (!certificate.isAuthority) throw invalidArgument("the signing certificate is not a certificate authority");
  const curves: Readonly<Record<string, string>> = { prime256v1: "P-256", secp384r1: "P-384", secp521r1: "P-521" };
  const algorithm = {
    name: key.asymmetricKeyType === "rsa" ? "RSASSA-PKCS1-v1_5" : "ECDSA",
    namedCurve: curves[key.asymmetricKeyDetails?.namedCurve ?? ""] ?? "",
    hash: "SHA-256",
  };
  const der = key.export({ type: "pkcs8", format: "der" });
  return { certificate, key: await crypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"]) };
}

async function signNode(
  wanted: {
    readonly publicKeyDer: Buffer;
    readonly subject: NodeCertificateSubject;
    readonly validity: Duration;
  },
  signer: Signer,
  parts: AuthorityParts,
): Promise<Buffer> {
  const { publicKeyDer, subject } = wanted;
  if (subject.nodeId === "" || subject.clusterId === "") {
    throw invalidArgument("a node certificate needs a node id and a cluster id");
  }
  checkKeyStrength(createPublicKey({ key: publicKeyDer, format: "der", type: "spki" }));
  const validity = wanted.validity < minimumNodeCertificateValidity ? defaultNodeCertificateValidity : wanted.validity;
  const notBefore = after(roundedToMinute(parts.clock.now()), back(nodeBackdate));
  return await signCertificate(
    {
      ...namesOf(subject),
      publicKeyDer,
      serialNumber: newSerialNumber(parts.random),
      notBefore,
      notAfter: after(after(notBefore, validity), nodeBackdate),
      isAuthority: false,
      keyUsages: ["digitalSignature", "keyEncipherment"],
      extendedKeyUsages: ["serverAuth", "clientAuth"],
    },
    signer.key,
    signer.certificate,
    parts.crypto,
  );
}

/** To the nearest minute, as Go's `Round`. Source: cfssl signer, FillTemplate. */
function roundedToMinute(now: Instant): Instant {
  const minute = minutes(1);
  return after(now, milliseconds(Math.floor(now / minute + 0.5) * minute - now));
}

const back = (span: Duration): Duration => milliseconds(-span);

/** 20 random bytes, positive, and not starting with zero, so that every serial number has the same length in DER. */
export function newSerialNumber(random: Random): Buffer {
  const bytes = random.bytes(20);
  bytes[0] = (bytes[0] ?? 0) & 0x7f || 1;
  return bytes;
}
