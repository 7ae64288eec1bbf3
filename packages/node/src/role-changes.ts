// What follows when the cluster's managers want this node in another role, or its certificate replaced (wire 3.7).
import type { CertificateRole, NodeCertificate } from "@mswarm/pki";
import type { Channel } from "@mswarm/rpc";
import { failedPrecondition, type Logger, messageOf, type TaskGroup } from "@mswarm/runtime";
import type { Node } from "@mswarm/wire";
import { joinAsManagerRefused, managersRunDocker, promotionRefused } from "./docker-managers.ts";

export interface RoleChangesParts {
  readonly nodeId: string;
  /** By the certificate in use. */
  role(): CertificateRole;
  /** True: it is joining with the manager token. False: a promotion is what makes it a manager. */
  readonly joinsAsManager: boolean;
  /** Addresses of the known managers but this node's. */
  otherManagers(): readonly string[];
  /** A new verified channel to a manager. */
  openChannel(address: string): Channel;
  /** As `Renewer.renewNow`. */
  renewNow(expectedRole?: CertificateRole): void;
  readonly tasks: TaskGroup;
  readonly log: Logger;
}

export class RoleChanges {
  readonly #parts: RoleChangesParts;
  /** The role that the renewer goes on asking for. */
  #ordered: CertificateRole | undefined;
  #wanted: CertificateRole | undefined;
  #isAsking = false;
  #refusal: string | undefined;

  constructor(parts: RoleChangesParts) {
    this.#parts = parts;
  }

  /** Why this node is no manager although the cluster wants it to be one, in a sentence. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  /** What a manager says of this node. */
  told(node: Node | undefined): void {
    const wanted = (node?.spec?.desiredRole ?? "WORKER") === "MANAGER" ? "swarm-manager" : "swarm-worker";
    this.#wanted = wanted;
    this.#settle();
    const isOutdated = this.#ordered !== undefined && this.#ordered !== wanted;
    if (wanted !== this.#parts.role() || isOutdated) {
      if (wanted === "swarm-manager") this.#parts.tasks.run("promotion", (signal) => this.#consider(signal));
      else this.#order(wanted);
    }
    // Also of a node that refuses its new role: a rotation of the root waits for every certificate.
    if (node?.certificate?.status?.state === "ROTATE") this.#parts.renewNow();
  }

  renewed(certificate: NodeCertificate): void {
    if (certificate.role === this.#ordered) this.#ordered = undefined;
    this.#settle();
  }

  /** To be asked before Raft is joined. Errors: FAILED_PRECONDITION; UNAVAILABLE when no manager answers. */
  async requireCommonQuorum(signal: AbortSignal): Promise<void> {
    const { nodeId, otherManagers, openChannel, joinsAsManager, log } = this.#parts;
    const others = otherManagers();
    if (others.length === 0 || !(await managersRunDocker(others, openChannel, signal))) return;
    const refusal = joinsAsManager ? joinAsManagerRefused(nodeId) : promotionRefused(nodeId);
    if (this.#refusal !== refusal) log.warn({ reason: refusal }, "this node cannot become a manager");
    this.#refusal = refusal;
    throw failedPrecondition(refusal);
  }

  async #consider(signal: AbortSignal): Promise<void> {
    if (this.#isAsking || this.#refusal !== undefined) return;
    this.#isAsking = true;
    try {
      await this.requireCommonQuorum(signal);
    } catch (error) {
      if (this.#refusal !== undefined || signal.aborted) return;
      // The manager's start asks again before it joins Raft.
      this.#parts.log.info({ reason: messageOf(error) }, "promoted, without knowing yet by what kind of manager");
    } finally {
      this.#isAsking = false;
      this.#settle();
    }
    if (this.#wanted === "swarm-manager") this.#order("swarm-manager");
  }

  /** Until the certificate is a worker's again, the refusal is all that keeps a manager from being started. */
  #settle(): void {
    if (this.#wanted === "swarm-worker" && this.#parts.role() === "swarm-worker") this.#refusal = undefined;
  }

  #order(role: CertificateRole): void {
    this.#ordered = role;
    this.#parts.renewNow(role);
  }
}
