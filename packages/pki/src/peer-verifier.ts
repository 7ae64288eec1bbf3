import type { ChainVerifier } from "./certificate-chain.ts";
import type { NodeCertificate } from "./node-certificate.ts";

/** The two questions a transport asks about its peer; of the shape of rpc's `PeerVerifier`. */
export interface NodePeerVerifier {
  verifyClient(chain: readonly Buffer[]): Promise<NodeCertificate>;
  verifyServer(chain: readonly Buffer[], serverName: string): Promise<NodeCertificate>;
}

/** Both sides of a connection by one verifier. Errors: CertificateRejected. */
export function peerVerifierOf(verifier: ChainVerifier): NodePeerVerifier {
  return {
    verifyClient: (chain) => verifier.verifyNode(chain, "client"),
    verifyServer: (chain, serverName) => verifier.verifyNode(chain, "server", serverName),
  };
}
