// The certificate, key and trusted root this node uses now, in memory and on disk, changing while servers run.

import { ChainVerifier, certificatesOfPem, type Identity, IdentityFiles, type NodeCertificate } from "@mswarm/pki";
import { type NodeIdentity, type PeerVerifier, TlsMaterial } from "@mswarm/rpc";
import { type Clock, dataLoss, invariant, type Random } from "@mswarm/runtime";

export interface CredentialsParts {
  readonly clock: Clock;
  readonly random: Random;
}

/** What a node that has just been issued its first certificate knows. */
export interface IssuedIdentity {
  readonly rootPem: string;
  readonly certificatePem: string;
  readonly keyPem: string;
  /** 32 bytes; managers only. */
  readonly raftDek?: Buffer;
}

/** Owner of `certificates/`. Built complete: `load` an existing identity or `store` a new one. */
export class Credentials {
  readonly tls: TlsMaterial;
  readonly verifier: PeerVerifier;
  readonly #files: IdentityFiles;
  readonly #chain: ChainVerifier;
  readonly #random: Random;
  #rootPem: string;
  #certificate: NodeCertificate;

  private constructor(
    files: IdentityFiles,
    state: { rootPem: string; certificate: NodeCertificate; keyPem: string },
    parts: CredentialsParts,
  ) {
    this.#files = files;
    this.#random = parts.random;
    this.#rootPem = state.rootPem;
    this.#certificate = state.certificate;
    this.tls = new TlsMaterial({ certificatePem: state.certificate.chainPem, keyPem: state.keyPem });
    this.#chain = new ChainVerifier({
      rootPem: () => this.#rootPem,
      clusterId: () => this.#certificate.clusterId,
      clock: parts.clock,
    });
    this.verifier = {
      verifyClient: async (chain) => identityOf(await this.#chain.verifyNode(chain, "client")),
      verifyServer: async (chain, serverName) => identityOf(await this.#chain.verifyNode(chain, "server", serverName)),
    };
  }

  /**
   * The identity on disk; undefined when the node belongs to no cluster.
   * Errors: NodeLocked; DATA_LOSS for damaged files; CertificateRejected for a certificate that is not of this root, or expired.
   */
  static async load(directory: string, parts: CredentialsParts): Promise<Credentials | undefined> {
    const files = new IdentityFiles(directory, { random: parts.random });
    const [rootPem, identity] = [await files.loadRoot(), await files.load()];
    if (identity === undefined) return undefined;
    if (rootPem === undefined) throw dataLoss(`swarm-root-ca.crt is missing from ${directory}`);
    if (!holdsCertificate(rootPem)) throw dataLoss(`swarm-root-ca.crt in ${directory} is damaged`);
    const certificate = await verifyOwn(rootPem, identity.certificatePem, parts);
    return new Credentials(files, { rootPem, certificate, keyPem: identity.keyPem }, parts);
  }

  /** Writes a first identity to disk and uses it. */
  static async store(directory: string, issued: IssuedIdentity, parts: CredentialsParts): Promise<Credentials> {
    const certificate = await verifyOwn(issued.rootPem, issued.certificatePem, parts);
    const files = new IdentityFiles(directory, { random: parts.random });
    await files.saveRoot(issued.rootPem);
    await files.save({
      certificatePem: issued.certificatePem,
      keyPem: issued.keyPem,
      kekVersion: "0",
      raftDekNeedsRotation: false,
      ...(issued.raftDek === undefined ? {} : { raftDek: issued.raftDek }),
    });
    return new Credentials(files, { rootPem: issued.rootPem, certificate, keyPem: issued.keyPem }, parts);
  }

  get certificate(): NodeCertificate {
    return this.#certificate;
  }

  get identity(): NodeIdentity {
    return identityOf(this.#certificate);
  }

  get rootPem(): string {
    return this.#rootPem;
  }

  get isManager(): boolean {
    return this.#certificate.role === "swarm-manager";
  }

  /** Takes a renewed certificate: to disk first, then for new handshakes. The data key of the log stays. */
  async renew(
    next: { readonly certificatePem: string; readonly keyPem: string },
    parts: CredentialsParts,
  ): Promise<NodeCertificate> {
    const certificate = await verifyOwn(this.#rootPem, next.certificatePem, parts);
    invariant(certificate.nodeId === this.#certificate.nodeId, "a renewed certificate must name the same node");
    await this.#files.update((current) => withoutDekOfWorkers({ ...current, ...next }, certificate));
    this.#certificate = certificate;
    this.tls.replace({ certificatePem: next.certificatePem, keyPem: next.keyPem });
    return certificate;
  }

  /** The data key that seals this manager's Raft log; made when there is none yet. */
  async raftDek(): Promise<Buffer> {
    // Reading comes first: a manager starts on a full disk too, and says then what its log says.
    const known = (await this.#files.load())?.raftDek;
    if (known !== undefined) return known;
    const fresh = this.#random.bytes(32);
    const identity = await this.#files.update((current) => ({ ...current, raftDek: current.raftDek ?? fresh }));
    invariant(identity.raftDek !== undefined, "a saved data key is there");
    return identity.raftDek;
  }

  /**
   * Adopts the root bundle a manager announced, if the own certificate verifies against it; otherwise nothing changes.
   * Source: wire 3.10, 6.2 (root_ca).
   */
  async adoptRoot(rootPem: string, parts: CredentialsParts): Promise<boolean> {
    if (rootPem === "" || rootPem === this.#rootPem) return false;
    try {
      await verifyOwn(rootPem, this.#certificate.chainPem, parts);
    } catch {
      // A root that our own certificate does not chain to would lock us out.
      return false;
    }
    await this.#files.saveRoot(rootPem);
    this.#rootPem = rootPem;
    return true;
  }
}

function identityOf({ nodeId, role, clusterId }: NodeCertificate): NodeIdentity {
  return { nodeId, role, clusterId };
}

async function verifyOwn(rootPem: string, certificatePem: string, parts: CredentialsParts): Promise<NodeCertificate> {
  const chain = new ChainVerifier({ rootPem: () => rootPem, clock: parts.clock });
  return await chain.verifyNode(certificatesOfPem(certificatePem), "client");
}

function holdsCertificate(pem: string): boolean {
  try {
    return certificatesOfPem(pem).length > 0;
  } catch {
    return false;
  }
}

function withoutDekOfWorkers(identity: Identity, certificate: NodeCertificate): Identity {
  if (certificate.role === "swarm-manager") return identity;
  const { raftDek: _dek, raftDekPending: _pending, ...rest } = identity;
  return rest;
}
