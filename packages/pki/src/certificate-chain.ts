// Path validation of peers' chains. Node's own is not used: OpenSSL takes a cross-signed root whose subject equals its
// issuer for self-signed and refuses it (wire 12, trap 3). Everything that is not expressly accepted is refused.
import type { Clock, Instant } from "@mswarm/runtime";
import { CertificateRejected } from "./errors.ts";
import { authorityServerName, managerServerName, type NodeCertificate, nodeCertificateOf } from "./node-certificate.ts";
import { certificatesOfPem } from "./pem.ts";
import { checkKeyStrength } from "./private-key.ts";
import { type Certificate, type ExtendedKeyUsage, parseCertificate } from "./x509.ts";

export interface ChainVerifierParts {
  /** The bundle trusted now; asked at every verification, so that a rotated root counts at once. Empty: nobody is trusted. */
  rootPem(): string;
  /** The cluster whose certificates are accepted; absent or undefined: any cluster of that root. */
  clusterId?(): string | undefined;
  readonly clock: Clock;
}

/** Leaf, cross-signed root, and room for an external authority's intermediates. */
const chainMax = 8;
const certificateMax = 16 * 1_024;

/** Verifies chains presented by nodes against the cluster's root bundle. */
export class ChainVerifier {
  readonly #parts: ChainVerifierParts;
  #roots: { readonly pem: string; readonly certificates: readonly Certificate[] } | undefined;

  constructor(parts: ChainVerifierParts) {
    this.#parts = parts;
  }

  /**
   * Verifies a chain and names the node.
   *
   * @param chainDer    leaf first, as presented; further certificates in any order
   * @param usage       what the *peer* is in this connection
   * @param serverName  the name that was asked for; "" or absent: no name is checked. For `swarm-manager` and `swarm-ca`
   *   the peer must be a manager by its subject too.
   * Errors: CertificateRejected, with the rule that was broken.
   */
  async verifyNode(
    chainDer: readonly Buffer[],
    usage: "client" | "server",
    serverName?: string,
  ): Promise<NodeCertificate> {
    const chain = parseChain(chainDer);
    const leaf = chain[0];
    if (leaf === undefined) throw new CertificateRejected("malformed", "the peer presented no certificate");
    const now = this.#parts.clock.now();
    checkLeaf(leaf, now, usage, serverName);
    const path = findPath(leaf, chain.slice(1), this.#trusted(), { now, usage: purposeOf(usage) });
    const node = nodeCertificateOf(chain, path[1]);
    const isManagerName = serverName === managerServerName || serverName === authorityServerName;
    if (isManagerName && node.role !== "swarm-manager") {
      throw new CertificateRejected("role", "the peer is a worker, but only a manager may answer here");
    }
    const clusterId = this.#parts.clusterId?.();
    if (clusterId !== undefined && node.clusterId !== clusterId) {
      throw new CertificateRejected("cluster", "the peer's certificate belongs to another cluster");
    }
    return node;
  }

  #trusted(): readonly Certificate[] {
    const pem = this.#parts.rootPem();
    if (this.#roots?.pem !== pem) {
      this.#roots = { pem, certificates: parsed(() => certificatesOfPem(pem).map(parseCertificate)) };
    }
    return this.#roots.certificates;
  }
}

function parseChain(chainDer: readonly Buffer[]): readonly Certificate[] {
  if (chainDer.length > chainMax || chainDer.some((der) => der.length > certificateMax)) {
    throw new CertificateRejected("malformed", "the presented certificate chain is too long");
  }
  return parsed(() => chainDer.map(parseCertificate));
}

function parsed<R>(read: () => R): R {
  try {
    return read();
  } catch (cause) {
    throw new CertificateRejected("malformed", "a certificate cannot be read", { cause });
  }
}

const purposeOf = (usage: "client" | "server"): ExtendedKeyUsage => (usage === "client" ? "clientAuth" : "serverAuth");

function checkLeaf(leaf: Certificate, now: Instant, usage: "client" | "server", serverName: string | undefined): void {
  checkAny(leaf, now);
  // RFC 5280 section 4.2.1.9: the key of an end entity must not sign certificates.
  if (leaf.isAuthority) {
    throw new CertificateRejected("authority-as-leaf", "the peer's certificate is that of an authority");
  }
  // RFC 5280 section 4.2.1.3: the handshake is signed with this key.
  if (leaf.keyUsages !== undefined && !leaf.keyUsages.has("digitalSignature")) {
    throw new CertificateRejected("usage", "the peer's certificate does not allow digital signatures");
  }
  // RFC 5280 section 4.2.1.12, with the extension required, because every signer of a cluster writes it (wire 3.2).
  if (!leaf.extendedKeyUsages?.has(purposeOf(usage))) {
    throw new CertificateRejected("usage", `the peer's certificate is not meant for a ${usage}`);
  }
  // RFC 6125 section 6.4 without wildcards, which no signer of a cluster writes.
  const wanted = serverName?.toLowerCase() ?? "";
  if (wanted !== "" && !leaf.dnsNames.some((name) => name.toLowerCase() === wanted)) {
    throw new CertificateRejected("server-name", `the peer's certificate is not valid for ${serverName}`);
  }
}

/** Rules for every certificate of a path. */
function checkAny(certificate: Certificate, now: Instant): void {
  // RFC 5280 section 6.1.3 (a)(2).
  if (now < certificate.notBefore) throw new CertificateRejected("not-yet-valid", "a certificate is not yet valid");
  if (now > certificate.notAfter) throw new CertificateRejected("expired", "a certificate has expired");
  // RFC 5280 section 4.2: a critical extension that is not understood must be refused.
  if (certificate.uninterpreted.length > 0) {
    throw new CertificateRejected("unsupported", "a certificate has an extension that is not supported");
  }
  // Wire 3.2: SHA-256 and stronger, RSA from 2048 bits or the NIST curves.
  if (!certificate.signatureAccepted) {
    throw new CertificateRejected("unsupported", "a certificate has an unsupported signature algorithm");
  }
  try {
    checkKeyStrength(certificate.publicKey);
  } catch (cause) {
    throw new CertificateRejected("unsupported", "a certificate has an unsupported key", { cause });
  }
}

interface PathRules {
  readonly now: Instant;
  readonly usage: ExtendedKeyUsage;
}

/**
 * A path from the leaf to a trusted certificate, leaf first. Tries every issuer whose name fits, roots first; each
 * presented certificate is used at most once, so the search ends.
 * Errors: CertificateRejected of the first candidate that signed but broke a rule, else `unknown-authority`.
 */
function findPath(
  leaf: Certificate,
  presented: readonly Certificate[],
  roots: readonly Certificate[],
  rules: PathRules,
): readonly Certificate[] {
  let refusal: CertificateRejected | undefined;
  const search = (path: readonly Certificate[], unused: readonly Certificate[]): readonly Certificate[] | undefined => {
    const last = path.at(-1) ?? leaf;
    for (const issuer of [...roots, ...unused]) {
      if (!issuer.subjectDer.equals(last.issuerDer) || !last.isSignedBy(issuer.publicKey)) continue;
      try {
        checkIssuer(issuer, path.length - 1, rules);
      } catch (error) {
        if (!(error instanceof CertificateRejected)) throw error;
        refusal ??= error;
        continue;
      }
      const extended = [...path, issuer];
      if (roots.includes(issuer)) return extended;
      const found = search(
        extended,
        unused.filter((candidate) => candidate !== issuer),
      );
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const path = search([leaf], presented);
  if (path === undefined) {
    throw refusal ?? new CertificateRejected("unknown-authority", "certificate signed by unknown authority");
  }
  return path;
}

/** @param below  intermediates between this issuer and the leaf */
function checkIssuer(issuer: Certificate, below: number, rules: PathRules): void {
  checkAny(issuer, rules.now);
  // RFC 5280 section 6.1.4 (k).
  if (!issuer.isAuthority) throw new CertificateRejected("not-an-authority", "a certificate was signed by a node");
  // RFC 5280 section 6.1.4 (n).
  if (issuer.keyUsages !== undefined && !issuer.keyUsages.has("keyCertSign")) {
    throw new CertificateRejected("not-an-authority", "an issuer may not sign certificates");
  }
  // RFC 5280 section 6.1.4 (l) and (m), counting self-issued certificates too: stricter, and no cluster makes them deeper.
  if (issuer.pathLength !== undefined && below > issuer.pathLength) {
    throw new CertificateRejected("not-an-authority", "a certificate path is longer than its authority allows");
  }
  // Go and OpenSSL: an issuer that names purposes passes on only those.
  if (issuer.extendedKeyUsages !== undefined && !issuer.extendedKeyUsages.has(rules.usage)) {
    throw new CertificateRejected("usage", "an issuer is not meant for this use");
  }
}
