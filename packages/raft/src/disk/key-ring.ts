import { createHmac, createSecretKey, type KeyObject } from "node:crypto";
import { invariant } from "@mswarm/runtime";

/** A data-encryption key (DEK): 32 bytes, of this node alone. */
export interface DataKey {
  /** Eight bytes that name the key in each record; they tell nothing about it. */
  readonly id: Buffer;
  readonly secret: KeyObject;
}

const keyLength = 32;

function dataKey(secret: Buffer): DataKey {
  invariant(secret.length === keyLength, "a data key has 32 bytes", { length: secret.length });
  const id = createHmac("sha256", secret).update("mswarm raft data key id").digest().subarray(0, 8);
  // A KeyObject copies the bytes, and prints nothing of them.
  return { id, secret: createSecretKey(secret) };
}

/**
 * The data keys of the log: the current one and, while the key is being changed, a pending one. New records are sealed
 * with the pending key as soon as there is one; both open.
 * Source: swarmkit manager/raft_keys (current and pending DEK); wire reference 4.4.
 */
export class KeyRing {
  #current: DataKey;
  #pending: DataKey | undefined;

  /** Both keys have 32 bytes; the ring copies them. */
  constructor(current: Buffer, pending?: Buffer) {
    this.#current = dataKey(current);
    this.#pending = pending === undefined ? undefined : dataKey(pending);
  }

  /** The key that new records are sealed with. */
  get sealing(): DataKey {
    return this.#pending ?? this.#current;
  }

  find(id: Buffer): DataKey | undefined {
    return [this.#pending, this.#current].find((key) => key?.id.equals(id));
  }

  /** Begins a change of the key. The caller has written the pending key to its own file before. */
  setPending(secret: Buffer): void {
    this.#pending = dataKey(secret);
  }

  /** Ends a change, after `LogStore.rekey`: the old key is forgotten. */
  promotePending(): void {
    invariant(this.#pending !== undefined, "there is no pending data key");
    this.#current = this.#pending;
    this.#pending = undefined;
  }
}
