// Certificates for tests. Not a PKI: the verifier looks at the signature and at nothing else.
import "reflect-metadata";
import { X509Certificate as NodeCertificate, randomBytes, webcrypto } from "node:crypto";
import { after, dateOf, type Instant, minutes, permissionDenied, systemClock } from "@mswarm/runtime";
import { BasicConstraintsExtension, cryptoProvider, X509CertificateGenerator } from "@peculiar/x509";
import type { NodeIdentity } from "../call.ts";
import type { PeerVerifier } from "../peer-verifier.ts";
import type { CertifiedKey } from "../tls-material.ts";

cryptoProvider.set(webcrypto);

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

export interface TestAuthority {
  /** A certificate for a node, valid for an hour. */
  issue(identity: NodeIdentity): Promise<CertifiedKey>;
  /** Accepts what this authority signed, as client and as server. */
  readonly verifier: PeerVerifier;
}

function subjectOf(identity: NodeIdentity): string {
  return `CN=${identity.nodeId}, OU=${identity.role}, O=${identity.clusterId}`;
}

function identityOf(certificate: NodeCertificate): NodeIdentity {
  const names = Object.fromEntries(certificate.subject.split("\n").map((line) => line.split("=") as [string, string]));
  const { CN = "", OU, O = "" } = names;
  if (OU !== "swarm-manager" && OU !== "swarm-worker") throw permissionDenied("the certificate names no role");
  return { nodeId: CN, role: OU, clusterId: O };
}

async function pemOf(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key));
  return `-----BEGIN PRIVATE KEY-----\n${der.toString("base64").replace(/.{64}/g, "$&\n")}\n-----END PRIVATE KEY-----\n`;
}

function validity(): { notBefore: Date; notAfter: Date } {
  const now: Instant = systemClock().now();
  return { notBefore: dateOf(after(now, minutes(-60))), notAfter: dateOf(after(now, minutes(60))) };
}

const serialNumber = (): string => `01${randomBytes(8).toString("hex")}`;

export async function createTestAuthority(): Promise<TestAuthority> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const root = await X509CertificateGenerator.createSelfSigned({
    ...validity(),
    name: "CN=swarm-ca",
    keys,
    signingAlgorithm: algorithm,
    serialNumber: serialNumber(),
    extensions: [new BasicConstraintsExtension(true, 1, true)],
  });
  const rootKey = new NodeCertificate(Buffer.from(root.rawData)).publicKey;

  const verify = async (chain: readonly Buffer[]): Promise<NodeIdentity> => {
    const leaf = new NodeCertificate(chain[0] ?? Buffer.alloc(0));
    if (!leaf.verify(rootKey)) throw permissionDenied("the certificate was not signed by this authority");
    return identityOf(leaf);
  };
  return {
    verifier: { verifyClient: verify, verifyServer: verify },
    async issue(identity) {
      const leafKeys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
      const leaf = await X509CertificateGenerator.create({
        ...validity(),
        subject: subjectOf(identity),
        issuer: root.subject,
        publicKey: leafKeys.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: algorithm,
        serialNumber: serialNumber(),
      });
      return { certificatePem: `${leaf.toString("pem")}\n`, keyPem: await pemOf(leafKeys.privateKey) };
    },
  };
}
