import { invalidArgument } from "@mswarm/runtime";
import { type CryptoProvider, p256 } from "./crypto-provider.ts";
import { formatPem, parsePem } from "./pem.ts";
import { publicKeyOfRequest, signRequest } from "./x509.ts";

/**
 * A new P-256 key with a request for it: empty subject, no extensions, because the signer decides what a certificate
 * says. The key is PKCS#8 PEM; whoever receives it owns it.
 */
export async function createCertificateRequest(parts: {
  readonly crypto: CryptoProvider;
}): Promise<{ csrPem: string; keyPem: string }> {
  const { crypto } = parts;
  const keys = await crypto.subtle.generateKey(p256, true, ["sign", "verify"]);
  const csr = await signRequest(keys, crypto);
  const key = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
  return {
    csrPem: formatPem({ type: "CERTIFICATE REQUEST", data: csr }),
    keyPem: formatPem({ type: "PRIVATE KEY", data: key }),
  };
}

/** A request is a key, a signature and an empty subject; real ones are below 1 KiB even with RSA 4096. */
const requestMax = 16 * 1_024;

/**
 * The public key that a request asks for. The request's subject and extensions are not looked at.
 * Errors: INVALID_ARGUMENT, also when the request is not signed by its own key.
 */
export async function requestedPublicKey(csrPem: string, crypto: CryptoProvider): Promise<Buffer> {
  if (csrPem.length > requestMax) throw invalidArgument("the certificate request is too long");
  const [block, ...more] = parsePem(csrPem);
  const isRequest = block?.type === "CERTIFICATE REQUEST" || block?.type === "NEW CERTIFICATE REQUEST";
  if (block === undefined || !isRequest || more.length > 0) {
    throw invalidArgument("expected one PEM block CERTIFICATE REQUEST");
  }
  return await publicKeyOfRequest(block.data, crypto);
}
