// The one place that knows that CN is the node's id, OU its role and O the cluster.
import { type Instant, invalidArgument } from "@mswarm/runtime";
import { CertificateRejected } from "./errors.ts";
import { certificatesOfPem, pemOfCertificates } from "./pem.ts";
import { type Certificate, type CertificateTemplate, parseCertificate } from "./x509.ts";

/** The role as a certificate spells it. */
export type CertificateRole = "swarm-manager" | "swarm-worker";

/** Whom a node certificate names. */
export interface NodeCertificateSubject {
  readonly nodeId: string;
  readonly role: CertificateRole;
  readonly clusterId: string;
}

/** A node certificate with what a node reports about it as `tls_info`. */
export interface NodeCertificate extends NodeCertificateSubject {
  readonly notBefore: Instant;
  readonly notAfter: Instant;
  /** DER of the issuer's Name, as the certificate spells it. */
  readonly issuerSubjectDer: Buffer;
  /** DER SubjectPublicKeyInfo of the issuer; empty where the issuer is not at hand (`describeCertificate`). */
  readonly issuerPublicKeyDer: Buffer;
  /** The chain as presented, leaf first. */
  readonly chainPem: string;
}

/** Server name of managers for everything but the calls of a node without a certificate. */
export const managerServerName = "swarm-manager";
/** Server name of managers for nodes that have no certificate yet. */
export const authorityServerName = "swarm-ca";

/** The subject and alternative names of a node certificate (wire 3.2). */
export function namesOf(node: NodeCertificateSubject): Pick<CertificateTemplate, "subject" | "dnsNames"> {
  return {
    subject: { organization: node.clusterId, organizationalUnit: node.role, commonName: node.nodeId },
    dnsNames: [node.role, node.nodeId, ...(node.role === "swarm-manager" ? [authorityServerName] : [])],
  };
}

/** Reads the identity out of a subject. Errors: CertificateRejected `subject` unless each part is there exactly once. */
export function subjectOf(leaf: Certificate): NodeCertificateSubject {
  const [nodeId, ...moreIds] = leaf.commonNames;
  const [role, ...moreRoles] = leaf.organizationalUnits;
  const [clusterId, ...moreClusters] = leaf.organizations;
  if (!nodeId || !clusterId || moreIds.length > 0 || moreRoles.length > 0 || moreClusters.length > 0) {
    throw new CertificateRejected("subject", "a node certificate must name one node, one role and one cluster");
  }
  if (role !== "swarm-manager" && role !== "swarm-worker") {
    throw new CertificateRejected("subject", "a node certificate must have the role swarm-manager or swarm-worker");
  }
  return { nodeId, role, clusterId };
}

export function nodeCertificateOf(chain: readonly Certificate[], issuer: Certificate | undefined): NodeCertificate {
  const leaf = chain[0];
  if (leaf === undefined) throw invalidArgument("no certificate found");
  return {
    ...subjectOf(leaf),
    notBefore: leaf.notBefore,
    notAfter: leaf.notAfter,
    issuerSubjectDer: leaf.issuerDer,
    issuerPublicKeyDer: issuer?.publicKeyDer ?? Buffer.alloc(0),
    chainPem: pemOfCertificates(chain.map((certificate) => certificate.der)),
  };
}

/**
 * What a chain says, without any judgement whether to trust it: for showing, and for one's own certificate.
 *
 * @param rootPem  where to look for the issuer besides the chain itself
 * Errors: INVALID_ARGUMENT for damaged PEM or DER, CertificateRejected `subject`.
 */
export function describeCertificate(chainPem: string, rootPem?: string): NodeCertificate {
  const chain = certificatesOfPem(chainPem).map(parseCertificate);
  const roots = rootPem === undefined ? [] : certificatesOfPem(rootPem).map(parseCertificate);
  const [leaf, ...rest] = chain;
  const issuer =
    leaf &&
    [...rest, ...roots].find(
      (candidate) => candidate.subjectDer.equals(leaf.issuerDer) && leaf.isSignedBy(candidate.publicKey),
    );
  return nodeCertificateOf(chain, issuer);
}
