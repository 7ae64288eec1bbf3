// Signs what waits for a signature. Leader only.
import { isSwarmError, type Logger, messageOf } from "@mswarm/runtime";
import { clusters, nodes, type Store } from "@mswarm/store";
import type { IssuanceStatus_State, Node } from "@mswarm/wire";
import { type CurrentSigner, validityOf } from "./signer.ts";

export interface IssuanceParts {
  readonly store: Store;
  readonly clusterId: string;
  readonly signer: CurrentSigner;
  readonly log: Logger;
}

export const certificateState = (node: Node): IssuanceStatus_State => node.certificate?.status?.state ?? "UNKNOWN";

/** Renewals always, first certificates when the node is a member. Source: swarmkit ca/server.go, evaluateAndSignNodeCert. */
export function awaitsSignature(node: Node): boolean {
  const state = certificateState(node);
  return state === "RENEW" || (state === "PENDING" && node.spec?.membership === "ACCEPTED");
}

/**
 * The role that a new certificate of the node gets: that of the request, but never one above the node's record, which
 * may have been lowered since.
 */
export const issuedRole = (node: Node): "MANAGER" | "WORKER" =>
  node.role === "MANAGER" && node.certificate?.role === "MANAGER" ? "MANAGER" : "WORKER";

type Outcome = { readonly chain: Buffer } | { readonly failure: string };

/**
 * Signs the certificate that a node waits for and writes it.
 *
 * @returns false when it has to be tried again later: there is no signer now
 */
export async function signFor(nodeId: string, parts: IssuanceParts): Promise<boolean> {
  const { store, clusterId } = parts;
  const { node, cluster } = store.view((tx) => ({ node: tx.get(nodes, nodeId), cluster: tx.get(clusters, clusterId) }));
  if (node === undefined || !awaitsSignature(node)) return true;
  if (cluster === undefined) return false;
  const role = issuedRole(node);
  const csr = node.certificate?.csr ?? Buffer.alloc(0);
  let outcome: Outcome;
  try {
    const signer = await parts.signer.of(cluster);
    if (!signer.canSign) {
      parts.log.warn({ node: nodeId }, "this cluster has no signing key here: a certificate waits");
      return false;
    }
    const subject = { nodeId, role: role === "MANAGER" ? "swarm-manager" : "swarm-worker", clusterId } as const;
    const options = { validity: validityOf(cluster) };
    outcome = { chain: Buffer.from(await signer.signNodeCertificate(csr.toString("utf8"), subject, options)) };
  } catch (error) {
    // A bad request will not become good; everything else may.
    if (!isSwarmError(error, "INVALID_ARGUMENT")) {
      parts.log.warn({ node: nodeId, reason: messageOf(error) }, "a certificate could not be signed and waits");
      return false;
    }
    outcome = { failure: messageOf(error) };
  }
  await record(parts, { nodeId, role, csr, outcome });
  return true;
}

async function record(
  { store, log }: IssuanceParts,
  signed: { nodeId: string; role: "MANAGER" | "WORKER"; csr: Buffer; outcome: Outcome },
): Promise<void> {
  const { nodeId, role, csr, outcome } = signed;
  const isRecorded = await store.update((tx) => {
    const node = tx.get(nodes, nodeId);
    // Meanwhile removed, asked for another key, or demoted: the watch brings it back if anything is left to do.
    if (node === undefined || !awaitsSignature(node) || issuedRole(node) !== role) return false;
    if (!(node.certificate?.csr ?? Buffer.alloc(0)).equals(csr)) return false;
    const certificate =
      "chain" in outcome
        ? { ...node.certificate, role, certificate: outcome.chain, status: { state: "ISSUED" as const } }
        : { ...node.certificate, status: { state: "FAILED" as const, err: outcome.failure } };
    tx.update(nodes, { ...node, certificate });
    return true;
  });
  if (isRecorded && "chain" in outcome) log.info({ node: nodeId, role }, "issued a node certificate");
  if (isRecorded && "failure" in outcome) log.warn({ node: nodeId, reason: outcome.failure }, "refused to sign");
}
