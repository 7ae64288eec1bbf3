// Whom the swarm's certificates come from, as clients compare it with what each node says.
import { certificatesOfPem, parseCertificate } from "@mswarm/pki";
import type { Cluster, NodeTLSInfo } from "@mswarm/wire";

/** Subject and key of the root, or of the new root while nodes move to it. Source: swarmkit ca.IssuerFromAPIRootCA. */
export function swarmIssuer({ rootCa }: Cluster): Omit<NodeTLSInfo, "trustRoot"> {
  const pem = rootCa?.rootRotation?.crossSignedCaCert ?? rootCa?.caCert;
  const [der] = pem === undefined ? [] : certificatesOfPem(pem.toString("utf8"));
  if (der === undefined) return {};
  const { subjectDer, publicKeyDer } = parseCertificate(der);
  return { certIssuerSubject: subjectDer, certIssuerPublicKey: publicKeyDer };
}
