// How a node gets a certificate: ask, then wait for the answer that belongs to its own request (wire 3.4, 3.6).
import {
  type Clock,
  childAbort,
  type Duration,
  deadlineExceeded,
  invalidArgument,
  isSwarmError,
  type Logger,
  messageOf,
  type Random,
  seconds,
  throwIfAborted,
} from "@mswarm/runtime";
import { ChainVerifier } from "./certificate-chain.ts";
import { createCertificateRequest } from "./certificate-request.ts";
import type { CryptoProvider } from "./crypto-provider.ts";
import { managerServerName, type NodeCertificate } from "./node-certificate.ts";
import { certificatesOfPem } from "./pem.ts";
import { parsePrivateKey, publicKeyDerOf } from "./private-key.ts";
import { renewalBackoff } from "./renewal.ts";
import { parseCertificate } from "./x509.ts";

/** The two calls of `docker.swarmkit.v1.NodeCA`, on one connection whose server has been verified. */
export interface IssuanceClient {
  /** @param request.token  absent for a renewal, which is authorised by the connection's certificate */
  issueNodeCertificate(
    request: { readonly csr: Buffer; readonly token?: string },
    signal: AbortSignal,
  ): Promise<{ readonly nodeId: string }>;
  /** The manager holds the call until the state is final. */
  nodeCertificateStatus(nodeId: string, signal: AbortSignal): Promise<IssuanceStatus>;
  /** The connection is no longer needed. */
  close(): void;
}

export interface IssuanceStatus {
  /** `IssuanceStatus.State` by name: UNKNOWN, RENEW, PENDING, ISSUED, FAILED, ROTATE. */
  readonly state: string;
  /** The request that the certificate answers. */
  readonly csr: Buffer | undefined;
  /** PEM chain. */
  readonly certificate: Buffer | undefined;
}

export interface IssuanceParts {
  readonly crypto: CryptoProvider;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** A connection to some manager; each try asks for a new one, so that a dead manager is passed over. */
  connect(signal: AbortSignal): Promise<IssuanceClient>;
}

export interface IssuedCertificate {
  readonly nodeId: string;
  readonly certificate: NodeCertificate;
  /** PKCS#8 PEM; made here, never sent. */
  readonly keyPem: string;
}

/** 5 tries, 2 s apart, 5 s each. Source: swarmkit ca/certificates.go, GetRemoteSignedCertificate. */
export const tries = 5;
export const tryPause: Duration = seconds(2);
export const tryTimeout: Duration = seconds(5);

/**
 * Makes a key, requests a certificate for it and waits until it is issued.
 *
 * @param wanted.rootPem  the bundle that the new certificate must chain to
 * @param wanted.token    for a node that has no certificate yet
 * Errors: what the manager answered to the request; CertificateRejected when the certificate does not chain to
 *   `wanted.rootPem`; INVALID_ARGUMENT when it is for another key or node; the signal's reason.
 */
export async function requestNodeCertificate(
  wanted: { readonly rootPem: string; readonly token?: string },
  parts: IssuanceParts,
  signal: AbortSignal,
): Promise<IssuedCertificate> {
  const { csrPem, keyPem } = await createCertificateRequest(parts);
  const csr = Buffer.from(csrPem);
  const request = { csr, ...(wanted.token === undefined ? {} : { token: wanted.token }) };
  const { client, nodeId } = await withTries(parts, signal, async (trySignal) => {
    const connection = await parts.connect(trySignal);
    try {
      const answer = await connection.issueNodeCertificate(request, trySignal);
      return { client: connection, nodeId: answer.nodeId };
    } catch (error) {
      connection.close();
      throw error;
    }
  });
  const chainPem = await waitUntilIssued({ client, nodeId, csr }, parts, signal);
  const certificate = await acceptCertificate({ chainPem, keyPem, nodeId, rootPem: wanted.rootPem }, parts.clock);
  return { nodeId, certificate, keyPem };
}

/** Polls until the manager shows a certificate for exactly this request; older ones are waited out. */
async function waitUntilIssued(
  issued: { readonly client: IssuanceClient; readonly nodeId: string; readonly csr: Buffer },
  parts: IssuanceParts,
  signal: AbortSignal,
): Promise<string> {
  let { client } = issued;
  try {
    for (let failures = 1; ; failures += 1) {
      try {
        const status = await withTimeout(parts.clock, signal, (trySignal) =>
          client.nodeCertificateStatus(issued.nodeId, trySignal),
        );
        const isFinal = status.state === "ISSUED" || status.state === "ROTATE";
        if (isFinal && status.certificate !== undefined && status.csr?.equals(issued.csr)) {
          return status.certificate.toString("utf8");
        }
      } catch (error) {
        throwIfAborted(signal);
        if (!isSwarmError(error, "DEADLINE_EXCEEDED")) {
          parts.log.debug({ reason: messageOf(error) }, "lost the manager while waiting for a certificate");
          client.close();
          client = await withTries(parts, signal, (trySignal) => parts.connect(trySignal));
        }
      }
      // A quarter of the renewal's back-off: a joining user is waiting.
      await parts.clock.sleep(quarter(renewalBackoff(failures, parts.random)), signal);
    }
  } finally {
    client.close();
  }
}

const quarter = (span: Duration): Duration => seconds(span / seconds(1) / 4);

async function acceptCertificate(
  answer: { readonly chainPem: string; readonly keyPem: string; readonly nodeId: string; readonly rootPem: string },
  clock: Clock,
): Promise<NodeCertificate> {
  const chain = certificatesOfPem(answer.chainPem);
  const verifier = new ChainVerifier({ rootPem: () => answer.rootPem, clock });
  const certificate = await verifier.verifyNode(chain, "client");
  const leaf = chain[0];
  const ownKey = publicKeyDerOf(parsePrivateKey(answer.keyPem));
  if (leaf === undefined || !publicKeyDerOf(parseCertificate(leaf).publicKey).equals(ownKey)) {
    throw invalidArgument("the manager issued a certificate for another key");
  }
  if (certificate.nodeId !== answer.nodeId) throw invalidArgument("the manager issued a certificate for another node");
  // A manager certificate is also used as a server's; better to learn now that it cannot be.
  if (certificate.role === "swarm-manager") await verifier.verifyNode(chain, "server", managerServerName);
  return certificate;
}

/** Runs `work` up to five times; the last failure is thrown. A refusal of the request itself is not tried again. */
export async function withTries<R>(
  parts: Pick<IssuanceParts, "clock" | "log">,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<R>,
): Promise<R> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await withTimeout(parts.clock, signal, work);
    } catch (error) {
      throwIfAborted(signal);
      if (attempt === tries || isRefusal(error)) throw error;
      parts.log.debug({ attempt, reason: messageOf(error) }, "a manager did not answer as it should");
      // An answer that is wrong will not get better: the next manager is asked at once.
      if (!isSwarmError(error, "INVALID_ARGUMENT")) await parts.clock.sleep(tryPause, signal);
    }
  }
}

/** A wrong token or an unknown node stays wrong: trying again only makes the user wait. */
function isRefusal(error: unknown): boolean {
  const codes = ["NOT_FOUND", "PERMISSION_DENIED", "FAILED_PRECONDITION", "RESOURCE_EXHAUSTED"];
  const isWrongToken = isSwarmError(error, "INVALID_ARGUMENT") && /join token/.test(error.message);
  return isWrongToken || (isSwarmError(error) && codes.includes(error.code));
}

async function withTimeout<R>(
  clock: Clock,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<R>,
): Promise<R> {
  throwIfAborted(signal);
  const attempt = childAbort(signal);
  const timer = clock.timer(tryTimeout, () => attempt.abort(deadlineExceeded("a manager did not answer in time")));
  try {
    return await work(attempt.signal);
  } finally {
    timer.cancel();
    attempt.release();
  }
}
