/** A certificate chain (leaf first, as presented) and its key, both PEM. */
export interface CertifiedKey {
  readonly certificatePem: string;
  readonly keyPem: string;
}

/**
 * The certificate a node presents, replaceable while servers and channels are open: new handshakes use the new one,
 * existing connections stay.
 */
export class TlsMaterial {
  #current: CertifiedKey | undefined;
  readonly #listeners = new Set<(current: CertifiedKey) => void>();

  /** `undefined`: no certificate yet. A client then presents none; a server refuses handshakes. */
  constructor(initial: CertifiedKey | undefined) {
    this.#current = initial;
  }

  get current(): CertifiedKey | undefined {
    return this.#current;
  }

  replace(next: CertifiedKey): void {
    this.#current = next;
    for (const listener of [...this.#listeners]) listener(next);
  }

  /** Calls `listener` after each replacement; returns how to stop. */
  onChange(listener: (current: CertifiedKey) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}
