// A node without a certificate joins a cluster: it knows nothing but a token and some addresses (wire 3.4, steps 1 to 7).
import { failedPrecondition, invalidArgument } from "@mswarm/runtime";
import {
  type IssuanceClient,
  type IssuanceParts,
  type IssuedCertificate,
  requestNodeCertificate,
  withTries,
} from "./issuance.ts";
import { parseJoinToken } from "./join-token.ts";
import { parseRootBundle, rootDigest } from "./root-bundle.ts";

/** The managers as a node without a certificate can reach them; each call may choose another one. */
export interface JoinClient {
  /**
   * The answer of `docker.swarmkit.v1.CA/GetRootCACertificate`, over TLS that verifies nothing, without server name and
   * without client certificate. Whoever answers is not believed.
   */
  getRootCertificate(signal: AbortSignal): Promise<Buffer>;
  /** A connection that trusts `rootPem`, server name `swarm-ca`, without client certificate. */
  connect(rootPem: string, signal: AbortSignal): Promise<IssuanceClient>;
}

export interface JoinParts extends Omit<IssuanceParts, "connect"> {
  readonly client: JoinClient;
}

export interface JoinResult extends IssuedCertificate {
  /** The bundle whose digest the token carries. */
  readonly rootPem: string;
}

/**
 * Pins the cluster's root by the token's digest, then requests a certificate with the token. Nothing is written.
 *
 * Errors: INVALID_ARGUMENT `A valid join token is necessary …` without one, `invalid join token` for what is none;
 *   FAILED_PRECONDITION for a token that demands FIPS;
 *   INVALID_ARGUMENT `remote CA does not match fingerprint. Expected: …` after five tries; those of
 *   `requestNodeCertificate`.
 * Source: swarmkit ca/certificates.go, DownloadRootCA and RequestAndSaveNewCertificates.
 */
export async function joinFlow(joinToken: string, parts: JoinParts, signal: AbortSignal): Promise<JoinResult> {
  // What a manager answers to those who have none: Docker's nodes go and ask it.
  if (joinToken === "") throw invalidArgument("A valid join token is necessary to join this cluster");
  const token = parseJoinToken(joinToken);
  if (token.fips) throw failedPrecondition("node is not FIPS-enabled but cluster requires FIPS");
  const rootPem = await downloadRoot(token.rootDigest, parts, signal);
  const connect = (trySignal: AbortSignal): Promise<IssuanceClient> => parts.client.connect(rootPem, trySignal);
  const issued = await requestNodeCertificate({ rootPem, token: token.reveal() }, { ...parts, connect }, signal);
  return { ...issued, rootPem };
}

/**
 * Downloads the root bundle and accepts it only with the expected digest.
 *
 * @param expectedDigest  64 hex digits
 */
export async function downloadRoot(
  expectedDigest: string,
  parts: Pick<JoinParts, "client" | "clock" | "log">,
  signal: AbortSignal,
): Promise<string> {
  return await withTries(parts, signal, async (trySignal) => {
    const bytes = await parts.client.getRootCertificate(trySignal);
    if (rootDigest(bytes) !== expectedDigest) {
      throw invalidArgument(`remote CA does not match fingerprint. Expected: ${expectedDigest}`);
    }
    const rootPem = bytes.toString("utf8");
    parseRootBundle(rootPem, parts.clock.now());
    return rootPem;
  });
}
