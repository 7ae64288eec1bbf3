import { tokensEqual } from "@mswarm/pki";
import type { Call } from "@mswarm/rpc";
import {
  aborted,
  invalidArgument,
  newId,
  notFound,
  permissionDenied,
  type Random,
  resourceExhausted,
} from "@mswarm/runtime";
import { clusters, nodes } from "@mswarm/store";
import type {
  Cluster,
  GetRootCACertificateResponseInput,
  GetUnlockKeyResponseInput,
  IssueNodeCertificateRequest,
  IssueNodeCertificateResponseInput,
  Node,
  NodeCertificateStatusRequest,
  NodeCertificateStatusResponseInput,
  NodeRole,
} from "@mswarm/wire";
import { type CertificateParts, CertificateTerm, signerStopped, type Waiter } from "./certificate-term.ts";
import { certificateState } from "./issuance.ts";

/** Requests are a key and a signature; real ones are below 1 KiB, with RSA 4096 below 2 KiB. */
const csrBytesMax = 16_384;

export interface CertificateServerParts extends CertificateParts {
  readonly random: Random;
  /** This manager. */
  readonly nodeId: string;
}

/**
 * Admits nodes and issues their certificates while this manager leads. Which identity a certificate gets follows from
 * the caller's own verified certificate, or from the join token; never from the request. Source: swarmkit ca/server.go.
 */
export class CertificateServer {
  readonly #parts: CertificateServerParts;
  #term: CertificateTerm | undefined;

  constructor(parts: CertificateServerParts) {
    this.#parts = parts;
  }

  /** Serves until the signal aborts. For the list of leader-only loops. */
  async run(signal: AbortSignal): Promise<void> {
    const term = new CertificateTerm(this.#parts, signal);
    this.#term = term;
    try {
      await term.run();
    } finally {
      if (this.#term === term) this.#term = undefined;
    }
  }

  /** The root bundle that nodes trust: during a rotation still the old one. */
  async rootCertificate(): Promise<GetRootCACertificateResponseInput> {
    const certificate = this.#cluster()?.rootCa?.caCert;
    if (certificate === undefined || certificate.length === 0) throw aborted("CA signer is still starting");
    return { certificate };
  }

  /**
   * The key that opens the managers' keys, empty without autolock.
   * Errors: PERMISSION_DENIED for a node that has a manager's certificate but is recorded as a worker by now.
   */
  async unlockKey(call: Call): Promise<GetUnlockKeyResponseInput> {
    const { caller } = call;
    if (!caller.isLocal) {
      const nodeId = caller.identity?.nodeId ?? "";
      const node = this.#parts.store.view((tx) => tx.get(nodes, nodeId));
      if (node?.role !== "MANAGER") throw permissionDenied(`Permission denied: node ${nodeId} is not a manager`);
    }
    const cluster = this.#cluster();
    if (cluster === undefined) throw aborted("CA signer is still starting");
    const isLocked = cluster.spec?.encryptionConfig?.autoLockManagers === true;
    const key = isLocked ? cluster.unlockKeys?.find(({ subsystem }) => subsystem === "swarm-manager")?.key : undefined;
    return {
      ...(key === undefined ? {} : { unlockKey: key }),
      version: { index: cluster.meta?.version?.index ?? "0" },
    };
  }

  /** Takes a request for a certificate; the answer comes by `certificateStatus`. The order of checks is the wire's. */
  async issue(request: IssueNodeCertificateRequest, call: Call): Promise<IssueNodeCertificateResponseInput> {
    const csr = request.csr ?? Buffer.alloc(0);
    if (csr.length === 0) throw invalidArgument("InvalidArgument");
    const { term, cluster } = this.#running();
    if (csr.length > csrBytesMax) throw invalidArgument("the certificate request is too long");
    const nodeId = this.#authenticated(call, cluster);
    if (nodeId !== undefined) return this.#renew(nodeId, csr, term);
    const role = roleOfToken(request.token ?? "", cluster);
    if (role === undefined) throw invalidArgument("A valid join token is necessary to join this cluster");
    term.admitJoin();
    return this.#admit({ role, csr, availability: request.availability }, cluster);
  }

  /** Waits until the node's certificate is issued, refused, or to be renewed. */
  async certificateStatus(
    request: NodeCertificateStatusRequest,
    call: Call,
  ): Promise<NodeCertificateStatusResponseInput> {
    const nodeId = request.nodeId ?? "";
    if (nodeId === "") throw invalidArgument("InvalidArgument");
    for (;;) {
      const { term } = this.#running();
      const node = this.#parts.store.view((tx) => tx.get(nodes, nodeId));
      if (node === undefined) throw notFound("NotFound");
      if (["ISSUED", "FAILED", "ROTATE"].includes(certificateState(node)) && node.certificate !== undefined) {
        return { status: node.certificate.status ?? {}, certificate: node.certificate };
      }
      await term.nodeChanged(nodeId, this.#waiterOf(call), call.signal);
    }
  }

  #waiterOf({ caller }: Call): Waiter {
    if (caller.isLocal) return { nodeId: this.#parts.nodeId };
    if (caller.identity !== undefined) return { nodeId: caller.identity.nodeId };
    return { address: caller.remoteAddress.slice(0, Math.max(0, caller.remoteAddress.lastIndexOf(":"))) };
  }

  /** Whom the call proves to be from, if anyone. */
  #authenticated({ caller }: Call, cluster: Cluster): string | undefined {
    if (caller.isLocal) return this.#parts.nodeId;
    const { identity } = caller;
    if (identity === undefined || identity.clusterId !== this.#parts.clusterId) return undefined;
    const isRemoved = Object.hasOwn(cluster.blacklistedCertificates ?? {}, identity.nodeId);
    return isRemoved ? undefined : identity.nodeId;
  }

  async #renew(nodeId: string, csr: Buffer, term: CertificateTerm): Promise<IssueNodeCertificateResponseInput> {
    const unknown = (): Error => notFound(`node ${nodeId} not found when attempting to renew certificate`);
    if (this.#parts.store.view((tx) => tx.get(nodes, nodeId)) === undefined) throw unknown();
    term.admitRenewal(nodeId);
    const node = await this.#parts.store.update((tx) => {
      const known = tx.get(nodes, nodeId);
      if (known === undefined) throw unknown();
      // The role is what the record says; what the old certificate or the request say does not matter.
      const role: NodeRole = known.role ?? "WORKER";
      return tx.update(nodes, { ...known, certificate: { role, csr, cn: nodeId, status: { state: "RENEW" } } });
    });
    return answerOf(node);
  }

  async #admit(
    wanted: { role: NodeRole; csr: Buffer; availability: IssueNodeCertificateRequest["availability"] },
    cluster: Cluster,
  ): Promise<IssueNodeCertificateResponseInput> {
    const { role, csr } = wanted;
    // Anything else is active: an unknown number must not come into the state.
    const availability =
      wanted.availability === "PAUSE" || wanted.availability === "DRAIN" ? wanted.availability : "ACTIVE";
    const node = await this.#parts.store.update((tx) => {
      let id = newId(this.#parts.random);
      for (let tries = 0; tx.get(nodes, id) !== undefined; tries += 1) {
        if (tries === 3) throw resourceExhausted("no unused node id was found");
        id = newId(this.#parts.random);
      }
      return tx.create(nodes, {
        id,
        role,
        certificate: { role, csr, cn: id, status: { state: "PENDING" } },
        spec: { desiredRole: role, membership: "ACCEPTED", availability },
        ...(cluster.VXLANUDPPort === undefined ? {} : { VXLANUDPPort: cluster.VXLANUDPPort }),
      });
    });
    this.#parts.log.info({ node: node.id, role }, "admitted a new node");
    return answerOf(node);
  }

  #running(): { term: CertificateTerm; cluster: Cluster } {
    if (this.#term === undefined) throw signerStopped();
    const cluster = this.#cluster();
    if (cluster === undefined) throw aborted("CA signer is still starting");
    return { term: this.#term, cluster };
  }

  #cluster(): Cluster | undefined {
    return this.#parts.store.view((tx) => tx.get(clusters, this.#parts.clusterId));
  }
}

/** Both comparisons are made, each in constant time: how long it takes says nothing about the tokens. */
function roleOfToken(token: string, cluster: Cluster): NodeRole | undefined {
  const tokens = cluster.rootCa?.joinTokens;
  const isManager = tokensEqual(token, tokens?.manager ?? "");
  const isWorker = tokensEqual(token, tokens?.worker ?? "");
  return isManager ? "MANAGER" : isWorker ? "WORKER" : undefined;
}

const answerOf = (node: Node): IssueNodeCertificateResponseInput => ({
  ...(node.id === undefined ? {} : { nodeId: node.id }),
  nodeMembership: node.spec?.membership ?? "PENDING",
});
