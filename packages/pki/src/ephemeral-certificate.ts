import { after, type Duration } from "@mswarm/runtime";
import { type AuthorityParts, newSerialNumber } from "./certificate-authority.ts";
import { p256 } from "./crypto-provider.ts";
import { formatPem, pemOfCertificates } from "./pem.ts";
import { signCertificate } from "./x509.ts";

/**
 * A key and a certificate signed by itself, for a server that nobody verifies: TLS needs one, and making it must not
 * hold up a start. Both are PEM; whoever receives the key owns it.
 *
 * @param validity  from now
 */
export async function createEphemeralCertificate(
  validity: Duration,
  { crypto, clock, random }: AuthorityParts,
): Promise<{ certificatePem: string; keyPem: string }> {
  const keys = await crypto.subtle.generateKey(p256, true, ["sign", "verify"]);
  const notBefore = clock.now();
  const der = await signCertificate(
    {
      subject: { commonName: "ephemeral" },
      publicKeyDer: Buffer.from(await crypto.subtle.exportKey("spki", keys.publicKey)),
      serialNumber: newSerialNumber(random),
      notBefore,
      notAfter: after(notBefore, validity),
      isAuthority: false,
      keyUsages: ["digitalSignature", "keyEncipherment"],
      extendedKeyUsages: ["serverAuth"],
      dnsNames: [],
    },
    keys.privateKey,
    undefined,
    crypto,
  );
  const data = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
  return { certificatePem: pemOfCertificates([der]), keyPem: formatPem({ type: "PRIVATE KEY", data }) };
}
