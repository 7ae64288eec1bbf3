import { constants } from "node:crypto";
import type { SecureContextOptions, TLSSocket } from "node:tls";
import { permissionDenied } from "@mswarm/runtime";
import type { CertifiedKey } from "./tls-material.ts";

// TLS 1.3 suites, then those of 1.2 that SwarmKit admits. Source: swarmkit ca/config.go; wire reference 3.8.
const ciphers = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");

// A resumed session presents no chain, and a renegotiated one could present another: neither exists here.
const secureOptions =
  constants.SSL_OP_NO_TICKET |
  constants.SSL_OP_NO_RENEGOTIATION |
  constants.SSL_OP_NO_COMPRESSION |
  constants.SSL_OP_CIPHER_SERVER_PREFERENCE;

/** Context options of both sides. No trust anchors: our own verifier decides, on the whole presented chain. */
export function secureContextOptions(material: CertifiedKey | undefined): SecureContextOptions {
  return {
    minVersion: "TLSv1.2",
    ciphers,
    secureOptions,
    ca: [],
    ...(material === undefined ? {} : { cert: material.certificatePem, key: material.keyPem }),
  };
}

export const alpnProtocols: readonly string[] = ["h2"];

const longestChain = 10;

/**
 * The certificates the peer presented, leaf first, in the order presented; empty when it presented none.
 * Reads them once per connection: Node hands the list over. Rejects with PERMISSION_DENIED above ten.
 */
export function presentedChain(socket: TLSSocket): Buffer[] {
  const chain: Buffer[] = [];
  let certificate = socket.getPeerX509Certificate();
  while (certificate !== undefined) {
    if (chain.length === longestChain) throw permissionDenied("the presented certificate chain is too long");
    chain.push(certificate.raw);
    certificate = certificate.issuerCertificate;
  }
  return chain;
}
