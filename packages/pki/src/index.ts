export {
  type Authority,
  type AuthorityParts,
  createAuthority,
  defaultNodeCertificateValidity,
  loadAuthority,
  minimumNodeCertificateValidity,
} from "./certificate-authority.ts";
export { ChainVerifier, type ChainVerifierParts } from "./certificate-chain.ts";
export { createCertificateRequest, requestedPublicKey } from "./certificate-request.ts";
export type { CryptoProvider } from "./crypto-provider.ts";
export { createEphemeralCertificate } from "./ephemeral-certificate.ts";
export { CertificateRejected, type ChainRule } from "./errors.ts";
export { type FileSystem, nodeFileSystem, temporaryOf, writeAtomically } from "./file-system.ts";
export { type Identity, IdentityFiles } from "./identity-files.ts";
export {
  type IssuanceClient,
  type IssuanceParts,
  type IssuanceStatus,
  type IssuedCertificate,
  requestNodeCertificate,
} from "./issuance.ts";
export { formatJoinToken, JoinToken, newJoinToken, parseJoinToken, tokensEqual } from "./join-token.ts";
export { downloadRoot, type JoinClient, type JoinParts, type JoinResult, joinFlow } from "./joining.ts";
export { NodeLocked } from "./key-file.ts";
export {
  authorityServerName,
  type CertificateRole,
  describeCertificate,
  managerServerName,
  type NodeCertificate,
  type NodeCertificateSubject,
} from "./node-certificate.ts";
export { type NodePeerVerifier, peerVerifierOf } from "./peer-verifier.ts";
export { certificatesOfPem, normalizePem, pemOfCertificates } from "./pem.ts";
export { renewalBackoff, renewalDelay, type Validity } from "./renewal.ts";
export { Renewer, type RenewerParts } from "./renewer.ts";
export { parseRootBundle, rootDigest } from "./root-bundle.ts";
export { formatUnlockKey, newUnlockKey, parseUnlockKey } from "./unlock-key.ts";
export { type Certificate, parseCertificate } from "./x509.ts";
