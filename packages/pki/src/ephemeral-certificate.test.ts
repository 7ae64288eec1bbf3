import { createPrivateKey, X509Certificate } from "node:crypto";
import { hours } from "@mswarm/runtime";
import { SeededRandom, SimulatedClock } from "@mswarm/runtime/simulated";
import { expect, test } from "vitest";
import { createAuthority } from "./certificate-authority.ts";
import { ChainVerifier } from "./certificate-chain.ts";
import { createEphemeralCertificate } from "./ephemeral-certificate.ts";
import { simulatedCrypto } from "./testing/index.ts";

const random = new SeededRandom(3);
const parts = { crypto: simulatedCrypto(random), clock: new SimulatedClock(), random };

test("the certificate belongs to its key, signs itself, and is no authority", async () => {
  const { certificatePem, keyPem } = await createEphemeralCertificate(hours(1), parts);
  const certificate = new X509Certificate(certificatePem);
  expect(certificate.checkPrivateKey(createPrivateKey(keyPem))).toBe(true);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.ca).toBe(false);
});

test("no cluster takes it for a node's certificate", async () => {
  const { certificatePem } = await createEphemeralCertificate(hours(1), parts);
  const { rootPem } = await createAuthority(parts);
  const verifier = new ChainVerifier({ rootPem: () => rootPem, clock: parts.clock });
  await expect(verifier.verifyNode([new X509Certificate(certificatePem).raw], "server")).rejects.toThrow(
    "unknown authority",
  );
});
