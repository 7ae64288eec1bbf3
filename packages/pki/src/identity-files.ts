import { join } from "node:path";
import { cryptoRandom, dataLoss, invalidArgument, isSwarmError, type Random } from "@mswarm/runtime";
import { type FileSystem, nodeFileSystem, writeAtomically } from "./file-system.ts";
import { formatKeyFile, type KeyFile, parseKeyFile } from "./key-file.ts";
import { certificatesOfPem } from "./pem.ts";
import { parsePrivateKey, publicKeyDerOf } from "./private-key.ts";
import { parseCertificate } from "./x509.ts";

/** The node's certificate chain with its key and data keys. Never log it. */
export interface Identity extends KeyFile {
  /** Leaf and intermediates, as presented to peers. */
  readonly certificatePem: string;
}

/**
 * The `certificates/` directory of a node: `swarm-root-ca.crt` and `swarm-node.crt` (0644), `swarm-node.key` (0600).
 *
 * Certificate and key are two files, but change together: the certificate is written beside as `.swarm-node.crt`, then
 * the key is replaced, then the certificate is renamed into place. Whoever finds a pair that does not match takes the
 * certificate beside. A crash between any two steps leaves the old pair or the new one (wire 3.11).
 *
 * One instance per directory; its operations follow one another, so `update` loses nothing.
 */
export class IdentityFiles {
  readonly #directory: string;
  readonly #files: FileSystem;
  readonly #random: Random;
  #last: Promise<unknown> = Promise.resolve();

  /** @param directory  is made (0700) by the first write */
  constructor(directory: string, parts: { readonly files?: FileSystem; readonly random?: Random } = {}) {
    this.#directory = directory;
    this.#files = parts.files ?? nodeFileSystem();
    this.#random = parts.random ?? cryptoRandom();
  }

  /** The root bundle; undefined when the node has none. */
  loadRoot(): Promise<string | undefined> {
    return this.#inTurn(async () => (await this.#files.read(this.#rootFile))?.toString("utf8"));
  }

  saveRoot(rootPem: string): Promise<void> {
    return this.#inTurn(async () => {
      await this.#makeDirectory();
      await writeAtomically(this.#files, this.#rootFile, rootPem, 0o644);
    });
  }

  /**
   * The node's identity; undefined when there is none. Completes an interrupted `save`.
   *
   * @param kek  the unlock key's 32 bytes, where the files are locked
   * Errors: NodeLocked; DATA_LOSS when no certificate belongs to the key or a file is damaged.
   */
  load(kek?: Buffer): Promise<Identity | undefined> {
    return this.#inTurn(() => this.#load(kek));
  }

  /**
   * Replaces the identity, headers included.
   *
   * @param kek  seals the key file; absent: it is readable by whoever can open it
   * Errors: INVALID_ARGUMENT when certificate and key do not belong together; then nothing is written.
   */
  save(identity: Identity, kek?: Buffer): Promise<void> {
    return this.#inTurn(() => this.#save(identity, kek));
  }

  /**
   * Loads, changes and saves in one turn: for a new certificate that must keep the data keys, and the other way round.
   *
   * @param keks.current  opens the files, `keks.next` seals them; they differ when the unlock key changes
   * Errors: as `load` and `save`; DATA_LOSS when there is nothing to change.
   */
  update(
    change: (current: Identity) => Identity,
    keks: { readonly current?: Buffer | undefined; readonly next?: Buffer | undefined } = {},
  ): Promise<Identity> {
    return this.#inTurn(async () => {
      const current = await this.#load(keks.current);
      if (current === undefined) throw dataLoss("the node's certificate and key are missing");
      const changed = change(current);
      await this.#save(changed, keks.next);
      return changed;
    });
  }

  /** Removes everything: the node has left its cluster. */
  clear(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#makeDirectory();
      // The key first: without it the rest is worth nothing.
      const files = [this.#keyFile, this.#certificateFile, this.#nextCertificateFile, this.#rootFile];
      for (const file of files) await this.#files.remove(file);
      await this.#files.syncDirectory(this.#directory);
    });
  }

  async #load(kek: Buffer | undefined): Promise<Identity | undefined> {
    const keyText = await this.#files.read(this.#keyFile);
    if (keyText === undefined) return undefined;
    const key = withDamage(this.#keyFile, () => parseKeyFile(keyText.toString("utf8"), kek));
    const current = await this.#readCertificate(this.#certificateFile);
    if (current !== undefined && belongTogether(current, key.keyPem)) return { ...key, certificatePem: current };
    const next = await this.#readCertificate(this.#nextCertificateFile);
    if (next !== undefined && belongTogether(next, key.keyPem)) {
      await this.#promoteCertificate();
      return { ...key, certificatePem: next };
    }
    throw dataLoss(`no certificate in ${this.#directory} belongs to the node's key`);
  }

  async #save(identity: Identity, kek: Buffer | undefined): Promise<void> {
    if (!belongTogether(identity.certificatePem, identity.keyPem)) {
      throw invalidArgument("the node's certificate does not belong to its key");
    }
    const keyText = formatKeyFile(identity, kek, this.#random);
    await this.#makeDirectory();
    const isNewCertificate = (await this.#readCertificate(this.#certificateFile)) !== identity.certificatePem;
    if (isNewCertificate) {
      await this.#completeEarlierSave(kek);
      await writeAtomically(this.#files, this.#nextCertificateFile, identity.certificatePem, 0o644);
    }
    await writeAtomically(this.#files, this.#keyFile, keyText, 0o600);
    if (isNewCertificate) await this.#promoteCertificate();
  }

  /**
   * The certificate beside may be the only one that belongs to the key:
   * 1. a save replaced the key and stopped before its rename; 2. this save overwrites the certificate beside and stops.
   * So it is put into its place first. Files that `kek` does not open were lost to the caller already.
   */
  async #completeEarlierSave(kek: Buffer | undefined): Promise<void> {
    if ((await this.#readCertificate(this.#nextCertificateFile)) === undefined) return;
    try {
      await this.#load(kek);
    } catch (error) {
      if (!isSwarmError(error)) throw error;
    }
  }

  async #promoteCertificate(): Promise<void> {
    await this.#files.rename(this.#nextCertificateFile, this.#certificateFile);
    await this.#files.syncDirectory(this.#directory);
  }

  async #readCertificate(path: string): Promise<string | undefined> {
    return (await this.#files.read(path))?.toString("utf8");
  }

  async #makeDirectory(): Promise<void> {
    await this.#files.makeDirectory(this.#directory, 0o700);
  }

  #inTurn<R>(work: () => Promise<R>): Promise<R> {
    const turn = this.#last.then(work, work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  get #rootFile(): string {
    return join(this.#directory, "swarm-root-ca.crt");
  }
  get #certificateFile(): string {
    return join(this.#directory, "swarm-node.crt");
  }
  get #nextCertificateFile(): string {
    return join(this.#directory, ".swarm-node.crt");
  }
  get #keyFile(): string {
    return join(this.#directory, "swarm-node.key");
  }
}

/** False also for a certificate that cannot be read: a torn file is the same as a missing one. */
function belongTogether(certificatePem: string, keyPem: string): boolean {
  try {
    const leaf = certificatesOfPem(certificatePem)[0];
    if (leaf === undefined) return false;
    return publicKeyDerOf(parseCertificate(leaf).publicKey).equals(publicKeyDerOf(parsePrivateKey(keyPem)));
  } catch (error) {
    if (isSwarmError(error, "INVALID_ARGUMENT")) return false;
    throw error;
  }
}

function withDamage<R>(path: string, read: () => R): R {
  try {
    return read();
  } catch (cause) {
    if (isSwarmError(cause, "INVALID_ARGUMENT")) throw dataLoss(`${path} is damaged: ${cause.message}`, { cause });
    throw cause;
  }
}
