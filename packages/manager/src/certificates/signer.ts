// Which key signs node certificates now.

import { type Authority, type AuthorityParts, defaultNodeCertificateValidity, loadAuthority } from "@mswarm/pki";
import { type Duration, durationOf } from "@mswarm/runtime";
import type { Cluster, RootCA } from "@mswarm/wire";

/** What issuing needs of an authority. */
export type Signer = Pick<Authority, "canSign" | "signNodeCertificate">;

/** Makes the signer for the stored root; the cluster's key stays inside it. */
export type SignerLoader = (root: RootCA) => Promise<Signer>;

/**
 * Signs with the cluster's root or, while the root is being rotated, with the new root's key and the cross-signed
 * certificate in the chain (wire 3.10). Cannot sign where the key lies with an external authority.
 */
export function authorityLoader(parts: AuthorityParts): SignerLoader {
  return (root) => {
    const rotation = root.rootRotation;
    const key = rotation === undefined ? root.caKey : rotation.caKey;
    return loadAuthority(
      {
        rootPem: text(root.caCert),
        ...(key === undefined || key.length === 0 ? {} : { keyPem: text(key) }),
        ...(rotation === undefined ? {} : { intermediatesPem: text(rotation.crossSignedCaCert) }),
      },
      parts,
    );
  };
}

const text = (bytes: Buffer | undefined): string => bytes?.toString("utf8") ?? "";

/** How long new node certificates are valid. Read at every signature, so that a change of the spec counts at once. */
export const validityOf = (cluster: Cluster): Duration =>
  durationOf(cluster.spec?.caConfig?.nodeCertExpiry, defaultNodeCertificateValidity);

/** Keeps the signer of the present root; loading one parses keys, which is slow. */
export class CurrentSigner {
  readonly #load: SignerLoader;
  #loaded: { readonly root: RootCA; readonly signer: Promise<Signer> } | undefined;

  constructor(load: SignerLoader) {
    this.#load = load;
  }

  /** Rejects as the loader does; the next call tries again. */
  async of(cluster: Cluster): Promise<Signer> {
    const root = cluster.rootCa ?? {};
    if (this.#loaded === undefined || !isSameRoot(this.#loaded.root, root)) {
      this.#loaded = { root, signer: this.#load(root) };
    }
    const loading = this.#loaded;
    try {
      return await loading.signer;
    } catch (error) {
      if (this.#loaded === loading) this.#loaded = undefined;
      throw error;
    }
  }
}

function isSameRoot(a: RootCA, b: RootCA): boolean {
  if (a === b) return true;
  const pairs: [Buffer | undefined, Buffer | undefined][] = [
    [a.caCert, b.caCert],
    [a.caKey, b.caKey],
    [a.rootRotation?.caKey, b.rootRotation?.caKey],
    [a.rootRotation?.crossSignedCaCert, b.rootRotation?.crossSignedCaCert],
  ];
  const isSameRotation = (a.rootRotation === undefined) === (b.rootRotation === undefined);
  return isSameRotation && pairs.every(([left, right]) => (left ?? empty).equals(right ?? empty));
}

const empty = Buffer.alloc(0);
