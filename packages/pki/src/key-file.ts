// The content of `swarm-node.key`: one PEM block with the private key, the node's data keys in its headers (wire 3.11).
import type { KeyObject } from "node:crypto";
import { invalidArgument, type Random, SwarmError } from "@mswarm/runtime";
import { formatPem, type PemBlock, parsePem } from "./pem.ts";
import {
  decryptPrivateKey,
  encryptPrivateKey,
  formatPrivateKey,
  isEncryptedKey,
  parsePrivateKey,
} from "./private-key.ts";
import { openRecord, sealRecord } from "./sealed-record.ts";

/** What the key file holds, in the clear. Never log it. */
export interface KeyFile {
  /** PKCS#8 PEM, not encrypted, no headers. */
  readonly keyPem: string;
  /** Version of the cluster object whose unlock key sealed the file; decimal uint64. */
  readonly kekVersion: string;
  /** Encrypts the Raft log and snapshots, 32 bytes; managers only. */
  readonly raftDek?: Buffer;
  /** The next data key, while a rotation is under way. */
  readonly raftDekPending?: Buffer;
  /** A rotation of the data key has to follow. */
  readonly raftDekNeedsRotation: boolean;
  /** Headers that this version does not know; they are kept. */
  readonly otherHeaders?: PemBlock["headers"];
}

/** The key file needs the unlock key, or another one than was given. */
export class NodeLocked extends SwarmError {
  constructor() {
    super("FAILED_PRECONDITION", "node is locked, and needs a valid unlock key");
  }
}

const header = {
  kekVersion: "kek-version",
  raftDek: "raft-dek",
  raftDekPending: "raft-dek-pending",
  needsRotation: "raft-dek-needs-rotation",
} as const;
const ownHeaders: readonly string[] = [...Object.values(header), "Proc-Type", "DEK-Info"];

/** @param kek  32 bytes: key and data keys are sealed under it; undefined: the file is readable by whoever can open it */
export function formatKeyFile(contents: KeyFile, kek: Buffer | undefined, random: Random): string {
  const key: PemBlock =
    kek === undefined
      ? keyBlock(formatPrivateKey(parsePrivateKey(contents.keyPem)))
      : encryptPrivateKey(contents.keyPem, kek, random);
  const headers: [string, string][] = [[header.kekVersion, contents.kekVersion]];
  const addSealed = (name: string, secret: Buffer | undefined): void => {
    if (secret !== undefined) headers.push([name, sealRecord(secret, kek, random).toString("base64")]);
  };
  addSealed(header.raftDek, contents.raftDek);
  addSealed(header.raftDekPending, contents.raftDekPending);
  if (contents.raftDekNeedsRotation) headers.push([header.needsRotation, "true"]);
  for (const [name, value] of contents.otherHeaders ?? []) headers.push([name, value]);
  // Go writes headers in the order of their names.
  headers.sort(([a], [b]) => (a < b ? -1 : 1));
  return formatPem({ ...key, headers });
}

/**
 * Errors: NodeLocked when `kek` does not open the file; INVALID_ARGUMENT for a damaged one.
 */
export function parseKeyFile(text: string, kek: Buffer | undefined): KeyFile {
  const block = keyBlock(text);
  const headers = new Map(block.headers);
  const isSealed = isEncryptedKey(block);
  const open = (name: string): Buffer | undefined => {
    const value = headers.get(name);
    return value === undefined ? undefined : openRecord(Buffer.from(value, "base64"), isSealed ? kek : undefined);
  };
  const key = isSealed ? unseal(block, kek) : parsePrivateKey(formatPem({ type: block.type, data: block.data }));
  const raftDek = open(header.raftDek);
  const raftDekPending = open(header.raftDekPending);
  const kekVersion = headers.get(header.kekVersion) ?? "0";
  if (!/^\d{1,20}$/.test(kekVersion)) throw invalidArgument("the key file has a damaged kek-version");
  return {
    keyPem: formatPrivateKey(key),
    kekVersion,
    ...(raftDek === undefined ? {} : { raftDek }),
    ...(raftDekPending === undefined ? {} : { raftDekPending }),
    raftDekNeedsRotation: headers.get(header.needsRotation) === "true",
    otherHeaders: block.headers.filter(([name]) => !ownHeaders.includes(name)),
  };
}

function unseal(block: PemBlock, kek: Buffer | undefined): KeyObject {
  const key = kek === undefined ? undefined : decryptPrivateKey(block, kek);
  if (key === undefined) throw new NodeLocked();
  return key;
}

function keyBlock(text: string): PemBlock {
  const [block, ...more] = parsePem(text);
  if (block === undefined || more.length > 0 || !block.type.endsWith("PRIVATE KEY")) {
    throw invalidArgument("the key file must hold exactly one private key");
  }
  return block;
}
