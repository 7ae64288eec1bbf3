import { createCipheriv, createDecipheriv } from "node:crypto";
import { dataLoss, failedPrecondition, type Random } from "@mswarm/runtime";
import type { KeyRing } from "./key-ring.ts";

/** Which record a sealed text is; it cannot be opened as another one. */
export interface RecordName {
  readonly kind: "batch" | "anchor" | "snapshot" | "identity" | "hard-state";
  /** Sequence number of a batch, number of a snapshot, 0 for the kinds of which there is one. */
  readonly index: number;
  /** Number of the chunk of a snapshot. */
  readonly part?: number;
}

const kindNumbers = { batch: 1, anchor: 2, snapshot: 3, identity: 4, "hard-state": 5 } as const;
const format = 1;
const nonceLength = 12;
const tagLength = 16;
const keyIdLength = 8;
/** format (1), key id (8), nonce (12), tag (16), then the ciphertext. */
const headLength = 1 + keyIdLength + nonceLength + tagLength;

function associatedData(name: RecordName, keyId: Buffer): Buffer {
  const data = Buffer.alloc(14 + keyIdLength);
  data[0] = format;
  data[1] = kindNumbers[name.kind];
  data.writeBigUInt64BE(BigInt(name.index), 2);
  data.writeUInt32BE(name.part ?? 0, 10);
  keyId.copy(data, 14);
  return data;
}

/**
 * Seals and opens records with AES-256-GCM. The nonce is random: indexes are rewritten, so a nonce made from an index
 * would be used twice. 2^32 records under one key are the limit of random 96-bit nonces (NIST SP 800-38D, 8.3).
 */
export class RecordCipher {
  readonly #keys: KeyRing;
  readonly #random: Random;

  constructor(keys: KeyRing, random: Random) {
    this.#keys = keys;
    this.#random = random;
  }

  seal(name: RecordName, plain: Buffer): Buffer {
    const key = this.#keys.sealing;
    const nonce = this.#random.bytes(nonceLength);
    const cipher = createCipheriv("aes-256-gcm", key.secret, nonce, { authTagLength: tagLength });
    cipher.setAAD(associatedData(name, key.id));
    const body = cipher.update(plain);
    const last = cipher.final();
    return Buffer.concat([Buffer.of(format), key.id, nonce, cipher.getAuthTag(), body, last]);
  }

  /** Throws DATA_LOSS when the record is damaged or is another one, FAILED_PRECONDITION when its key is not in the ring. */
  open(name: RecordName, sealed: Buffer): Buffer {
    if (sealed.length < headLength || sealed[0] !== format) throw dataLoss("the record is damaged");
    const keyId = sealed.subarray(1, 1 + keyIdLength);
    const key = this.#keys.find(keyId);
    if (key === undefined) {
      throw failedPrecondition(`no data key for a record sealed under key ${keyId.toString("hex")}`);
    }
    const nonce = sealed.subarray(1 + keyIdLength, 1 + keyIdLength + nonceLength);
    const decipher = createDecipheriv("aes-256-gcm", key.secret, nonce, { authTagLength: tagLength });
    decipher.setAuthTag(sealed.subarray(headLength - tagLength, headLength));
    decipher.setAAD(associatedData(name, keyId));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(headLength)), decipher.final()]);
    } catch (cause) {
      throw dataLoss("the record is damaged", { cause });
    }
  }

  /** True when `sealed` was made with the key that new records get. */
  isCurrent(sealed: Buffer): boolean {
    return sealed.subarray(1, 1 + keyIdLength).equals(this.#keys.sealing.id);
  }
}
