// The one file that knows @peculiar/x509; its Reflect polyfill has to come first.
import "reflect-metadata";
import type { webcrypto } from "node:crypto";
import { createHash, type KeyObject, X509Certificate as NodeCertificateReader } from "node:crypto";
import { dateOf, type Instant, instantOf, invalidArgument, invariant, isSwarmError } from "@mswarm/runtime";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  Pkcs10CertificateRequest,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { BoundedCache } from "./bounded-cache.ts";
import type { CryptoProvider } from "./crypto-provider.ts";
import { type CertificateSlices, elementsOf, parseDer, sliceCertificate } from "./der.ts";

export type KeyUsage = "digitalSignature" | "keyEncipherment" | "keyCertSign" | "cRLSign";
export type ExtendedKeyUsage = "serverAuth" | "clientAuth";

const extendedKeyUsageOids: Readonly<Record<ExtendedKeyUsage, string>> = {
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
};

const oids = {
  subjectKeyId: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  nameConstraints: "2.5.29.30",
  extendedKeyUsage: "2.5.29.37",
  anyExtendedKeyUsage: "2.5.29.37.0",
} as const;

/** Signature algorithms that are accepted: SHA-256, 384 and 512 with RSA or ECDSA (wire 3.2). */
const acceptedSignatures: ReadonlySet<string> = new Set([
  "1.2.840.10045.4.3.2",
  "1.2.840.10045.4.3.3",
  "1.2.840.10045.4.3.4",
  "1.2.840.113549.1.1.11",
  "1.2.840.113549.1.1.12",
  "1.2.840.113549.1.1.13",
]);

/** A certificate as far as chains and identities need it. Immutable. */
export interface Certificate {
  readonly der: Buffer;
  /** Copied from the certificate, not encoded again. */
  readonly subjectDer: Buffer;
  readonly issuerDer: Buffer;
  readonly publicKeyDer: Buffer;
  readonly publicKey: KeyObject;
  /** All values of the attribute, in order. */
  readonly commonNames: readonly string[];
  readonly organizations: readonly string[];
  readonly organizationalUnits: readonly string[];
  readonly notBefore: Instant;
  readonly notAfter: Instant;
  readonly serialNumber: string;
  /** False for an algorithm outside SHA-256/384/512 with RSA or ECDSA. */
  readonly signatureAccepted: boolean;
  readonly isAuthority: boolean;
  /** Intermediates that may follow; undefined: any number. */
  readonly pathLength: number | undefined;
  /** Undefined: the extension is absent and nothing is restricted. */
  readonly keyUsages: ReadonlySet<KeyUsage> | undefined;
  readonly extendedKeyUsages: ReadonlySet<ExtendedKeyUsage> | undefined;
  readonly dnsNames: readonly string[];
  /** Critical extensions that nobody here interprets, and name constraints even where they are not critical. */
  readonly uninterpreted: readonly string[];
  /** True when the holder of `issuerKey` signed this certificate. */
  isSignedBy(issuerKey: KeyObject): boolean;
}

// A node sees the same few certificates again and again, its own and the root's above all, and reading one is slow. Only
// what the bytes say is remembered, never whether to trust them.
const recentlyRead = new BoundedCache<Certificate>(128);
const rememberedMax = 16 * 1_024;

/** Reads one certificate. Errors: INVALID_ARGUMENT for anything that is not exactly one well-formed certificate. */
export function parseCertificate(der: Buffer): Certificate {
  try {
    if (der.length > rememberedMax) return readCertificate(der);
    return recentlyRead.get(der.toString("latin1"), () => readCertificate(Buffer.from(der)));
  } catch (error) {
    if (isSwarmError(error)) throw error;
    throw invalidArgument("not a valid X.509 certificate", { cause: error });
  }
}

function readCertificate(der: Buffer): Certificate {
  const slices = sliceCertificate(der);
  const signatureOid = oidOf(slices.signatureAlgorithm);
  const parsed = new X509Certificate(der);
  // OpenSSL reads the bytes a second time: what only one of two parsers accepts is refused.
  const reader = new NodeCertificateReader(der);
  const extensions = parsed.extensions;
  if (new Set(extensions.map((extension) => extension.type)).size !== extensions.length) {
    throw invalidArgument("a certificate extension appears twice");
  }
  const basic = extensionOf(extensions, oids.basicConstraints, BasicConstraintsExtension);
  const usage = extensionOf(extensions, oids.keyUsage, KeyUsagesExtension);
  const extended = extensionOf(extensions, oids.extendedKeyUsage, ExtendedKeyUsageExtension);
  const alternative = extensionOf(extensions, oids.subjectAltName, SubjectAlternativeNameExtension);
  const subject = parsed.subjectName;
  return {
    der,
    subjectDer: slices.subject,
    issuerDer: slices.issuer,
    publicKeyDer: slices.publicKey,
    publicKey: reader.publicKey,
    commonNames: subject.getField("CN"),
    organizations: subject.getField("O"),
    organizationalUnits: subject.getField("OU"),
    notBefore: instantOf(parsed.notBefore),
    notAfter: instantOf(parsed.notAfter),
    serialNumber: parsed.serialNumber,
    signatureAccepted: acceptedSignatures.has(signatureOid),
    isAuthority: basic?.ca ?? false,
    pathLength: basic?.pathLength,
    keyUsages: usage === undefined ? undefined : keyUsagesOf(usage.usages),
    extendedKeyUsages: extended === undefined ? undefined : extendedKeyUsagesOf(extended.usages.map(String)),
    dnsNames: (alternative?.names.items ?? []).filter((name) => name.type === "dns").map((name) => name.value),
    uninterpreted: extensions.filter(isUninterpreted).map((extension) => extension.type),
    isSignedBy: (issuerKey) => reader.verify(issuerKey),
  };
}

function oidOf(algorithm: CertificateSlices["signatureAlgorithm"]): string {
  const identifier = elementsOf(algorithm)[0]?.toJSON();
  const value: unknown = identifier?.valueBlock;
  const dotted = typeof value === "object" && value !== null && "value" in value ? value.value : undefined;
  if (typeof dotted !== "string") throw invalidArgument("a certificate without signature algorithm");
  return dotted;
}

function isUninterpreted(extension: Extension): boolean {
  if (extension.type === oids.nameConstraints) return true;
  const interpreted: readonly string[] = [
    oids.basicConstraints,
    oids.keyUsage,
    oids.extendedKeyUsage,
    oids.subjectAltName,
    oids.subjectKeyId,
  ];
  return extension.critical && !interpreted.includes(extension.type);
}

function extensionOf<E extends Extension>(
  extensions: readonly Extension[],
  type: string,
  kind: new (raw: ArrayBuffer) => E,
): E | undefined {
  const found = extensions.find((extension) => extension.type === type);
  if (found === undefined) return undefined;
  // The library hands out a plain Extension for a value it cannot read; that must not count as absent.
  if (!(found instanceof kind)) throw invalidArgument("a certificate extension cannot be read");
  return found;
}

function keyUsagesOf(flags: number): ReadonlySet<KeyUsage> {
  const names: readonly KeyUsage[] = ["digitalSignature", "keyEncipherment", "keyCertSign", "cRLSign"];
  return new Set(names.filter((name) => (flags & KeyUsageFlags[name]) !== 0));
}

function extendedKeyUsagesOf(usages: readonly string[]): ReadonlySet<ExtendedKeyUsage> {
  const names: readonly ExtendedKeyUsage[] = ["serverAuth", "clientAuth"];
  return usages.includes(oids.anyExtendedKeyUsage)
    ? new Set(names)
    : new Set(names.filter((name) => usages.includes(extendedKeyUsageOids[name])));
}

/** What a certificate to be made says. Subject attributes appear in the order O, OU, CN; absent ones are left out. */
export interface CertificateTemplate {
  readonly subject: {
    readonly organization?: string;
    readonly organizationalUnit?: string;
    readonly commonName: string;
  };
  readonly publicKeyDer: Buffer;
  /** 20 bytes, first byte 1 … 127. */
  readonly serialNumber: Buffer;
  readonly notBefore: Instant;
  readonly notAfter: Instant;
  readonly isAuthority: boolean;
  readonly keyUsages: readonly KeyUsage[];
  readonly extendedKeyUsages: readonly ExtendedKeyUsage[];
  readonly dnsNames: readonly string[];
}

/** Who signs; absent in `signCertificate`: the certificate signs itself. */
export interface Issuer {
  readonly subjectDer: Buffer;
  readonly publicKeyDer: Buffer;
}

/** Signs `template` with `signingKey`, SHA-256. */
export async function signCertificate(
  template: CertificateTemplate,
  signingKey: webcrypto.CryptoKey,
  issuer: Issuer | undefined,
  crypto: CryptoProvider,
): Promise<Buffer> {
  const subject = nameOf(template.subject);
  const issuerName = issuer === undefined ? subject : new Name(issuer.subjectDer);
  const usageFlags = template.keyUsages.reduce((flags, usage) => flags | KeyUsageFlags[usage], 0);
  const extensions: Extension[] = [new KeyUsagesExtension(usageFlags, true)];
  if (template.extendedKeyUsages.length > 0) {
    const purposes = template.extendedKeyUsages.map((usage) => extendedKeyUsageOids[usage]);
    extensions.push(new ExtendedKeyUsageExtension(purposes, false));
  }
  extensions.push(new BasicConstraintsExtension(template.isAuthority, undefined, true));
  extensions.push(new SubjectKeyIdentifierExtension(keyIdentifierOf(template.publicKeyDer), false));
  if (issuer !== undefined) {
    extensions.push(new AuthorityKeyIdentifierExtension(keyIdentifierOf(issuer.publicKeyDer), false));
  }
  if (template.dnsNames.length > 0) {
    const names = template.dnsNames.map((value) => ({ type: "dns" as const, value }));
    extensions.push(new SubjectAlternativeNameExtension(names, false));
  }
  const certificate = await X509CertificateGenerator.create(
    {
      serialNumber: template.serialNumber.toString("hex"),
      subject,
      issuer: issuerName,
      notBefore: dateOf(template.notBefore),
      notAfter: dateOf(template.notAfter),
      publicKey: template.publicKeyDer,
      signingKey,
      signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
      extensions,
    },
    crypto,
  );
  const der = Buffer.from(certificate.rawData);
  invariant(
    issuer === undefined || sliceCertificate(der).issuer.equals(issuer.subjectDer),
    "the issuer's name changed its bytes on the way into a certificate",
  );
  return der;
}

function nameOf(subject: CertificateTemplate["subject"]): Name {
  const parts: [string, string | undefined][] = [
    ["O", subject.organization],
    ["OU", subject.organizationalUnit],
    ["CN", subject.commonName],
  ];
  // As objects, because the library gives a meaning to `#`, quotes and backslashes of plain strings.
  return new Name(
    parts
      .filter((part): part is [string, string] => part[1] !== undefined)
      .map(([type, text]) => ({
        [type]: [Name.isPrintableString(text) ? { printableString: text } : { utf8String: text }],
      })),
  );
}

/** SHA-1 of the public key bits, in hex: the subject key identifier of RFC 5280 section 4.2.1.2, method 1. */
function keyIdentifierOf(publicKeyDer: Buffer): string {
  const bits: unknown = elementsOf(parseDer(publicKeyDer))[1]?.valueBlock;
  invariant(typeof bits === "object" && bits !== null && "valueHexView" in bits, "a public key without key bits");
  invariant(bits.valueHexView instanceof Uint8Array, "a public key without key bits");
  return createHash("sha1").update(bits.valueHexView).digest("hex");
}

/** A request with empty subject and no extensions, signed by its own key (wire 3.2). DER. */
export async function signRequest(keys: webcrypto.CryptoKeyPair, crypto: CryptoProvider): Promise<Buffer> {
  const request = await Pkcs10CertificateRequestGenerator.create(
    { keys, signingAlgorithm: { name: "ECDSA", hash: "SHA-256" } },
    crypto,
  );
  return Buffer.from(request.rawData);
}

/**
 * The public key of a request whose own signature is valid; everything else in it is ignored.
 * Errors: INVALID_ARGUMENT.
 */
export async function publicKeyOfRequest(der: Buffer, crypto: CryptoProvider): Promise<Buffer> {
  parseDer(der);
  let verified = false;
  let publicKeyDer: Buffer;
  try {
    const request = new Pkcs10CertificateRequest(der);
    publicKeyDer = Buffer.from(request.publicKey.rawData);
    verified = await request.verify(crypto);
  } catch (error) {
    throw invalidArgument("not a valid certificate request", { cause: error });
  }
  if (!verified) throw invalidArgument("the certificate request is not signed by its own key");
  return publicKeyDer;
}
