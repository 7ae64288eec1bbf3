import { createHash } from "node:crypto";
import { type Instant, invalidArgument } from "@mswarm/runtime";
import { certificatesOfPem } from "./pem.ts";
import { type Certificate, parseCertificate } from "./x509.ts";

/** SHA-256 over the exact PEM bytes as stored and served, 64 hex digits: what join tokens carry (wire 3.2). */
export function rootDigest(rootPem: string | Uint8Array): string {
  return createHash("sha256").update(rootPem).digest("hex");
}

/** More than a rotation ever needs; a bundle comes from the network before it is trusted. */
const bundleMax = 16;

/**
 * Reads a bundle of root certificates. Each must sign itself and be inside its dates.
 * Errors: INVALID_ARGUMENT `no valid root CA certificates found` for an empty bundle, and a sentence per other cause.
 * Source: swarmkit ca/certificates.go, NewRootCA.
 */
export function parseRootBundle(rootPem: string, now: Instant): readonly Certificate[] {
  const ders = certificatesOfPem(rootPem);
  if (ders.length === 0) throw invalidArgument("no valid root CA certificates found");
  if (ders.length > bundleMax) throw invalidArgument(`a root bundle may hold at most ${bundleMax} certificates`);
  return ders.map((der) => {
    const root = parseCertificate(der);
    if (!root.signatureAccepted) throw invalidArgument("unsupported signature algorithm in a root certificate");
    if (!root.issuerDer.equals(root.subjectDer) || !root.isSignedBy(root.publicKey)) {
      throw invalidArgument("a root certificate is not signed by its own key");
    }
    if (now < root.notBefore) throw invalidArgument("a root certificate is not yet valid");
    if (now > root.notAfter) throw invalidArgument("a root certificate has expired");
    return root;
  });
}
