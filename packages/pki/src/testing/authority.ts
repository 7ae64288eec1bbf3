import { webcrypto } from "node:crypto";
import { type Clock, cryptoRandom, type Duration, newId, type Random } from "@mswarm/runtime";
import { SimulatedClock } from "@mswarm/runtime/simulated";
import { type Authority, createAuthority, defaultNodeCertificateValidity } from "../certificate-authority.ts";
import { createCertificateRequest } from "../certificate-request.ts";
import type { CryptoProvider } from "../crypto-provider.ts";
import { type CertificateRole, describeCertificate, type NodeCertificate } from "../node-certificate.ts";

/** A node of a test: certificate, key and what the certificate says. */
export interface TestNode {
  readonly nodeId: string;
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly certificate: NodeCertificate;
}

/** A cluster's authority with a one-line way to certificates. */
export interface TestAuthority {
  readonly authority: Authority;
  readonly clusterId: string;
  readonly rootPem: string;
  readonly rootKeyPem: string;
  /** Where dates come from; a simulated clock stands at 2026-01-01 until it is moved. */
  readonly clock: Clock;
  /** A new key and a certificate for it. Absent: a manager with a fresh id, 90 days. */
  node(options?: {
    role?: CertificateRole;
    nodeId?: string;
    clusterId?: string;
    validity?: Duration;
  }): Promise<TestNode>;
}

/**
 * A new cluster root.
 *
 * @param parts  what is absent: a simulated clock, real randomness, WebCrypto. Give the system clock where certificates
 *   meet real TLS or openssl.
 */
export async function testAuthority(
  parts: { clock?: Clock; random?: Random; crypto?: CryptoProvider; clusterId?: string } = {},
): Promise<TestAuthority> {
  const { clock = new SimulatedClock(), random = cryptoRandom(), crypto = webcrypto } = parts;
  const clusterId = parts.clusterId ?? newId(random);
  const { authority, rootPem, keyPem: rootKeyPem } = await createAuthority({ crypto, clock, random });
  return {
    authority,
    clusterId,
    rootPem,
    rootKeyPem,
    clock,
    node: async (options = {}) => {
      const { csrPem, keyPem } = await createCertificateRequest({ crypto });
      const nodeId = options.nodeId ?? newId(random);
      const subject = { nodeId, role: options.role ?? "swarm-manager", clusterId: options.clusterId ?? clusterId };
      const validity = options.validity ?? defaultNodeCertificateValidity;
      const certificatePem = await authority.signNodeCertificate(csrPem, subject, { validity });
      return { nodeId, certificatePem, keyPem, certificate: describeCertificate(certificatePem, rootPem) };
    },
  };
}
