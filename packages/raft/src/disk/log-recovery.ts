// Reads a log database from its beginning and decides whether it can be trusted.
import { type BatchRecord, decodeBatch, hashOf } from "./batch-record.ts";
import { damagedLog, damagedRecord } from "./damage.ts";
import type { HardStateFile } from "./hard-state-file.ts";
import { keys, type LogDatabase, numberOf } from "./log-database.ts";
import { firstAnchor, type LogAnchor, LogImage, type RetainedBatch } from "./log-image.ts";
import type { StoredIdentity } from "./log-store.ts";
import { ByteReader, ByteWriter } from "./record-bytes.ts";
import type { RecordCipher } from "./record-cipher.ts";
import type { TailMark } from "./tail-mark.ts";

export interface RecoveryParts {
  readonly database: LogDatabase;
  readonly cipher: RecordCipher;
  readonly hardStateFile: HardStateFile;
  readonly tailMark: TailMark;
}

export interface Recovery {
  readonly image: LogImage;
  readonly retained: RetainedBatch[];
  readonly anchor: LogAnchor;
  readonly identity: StoredIdentity | undefined;
  /** True when the file that repeats the hard state lags behind, as after a crash between the two writes. */
  readonly fileIsBehind: boolean;
}

const anchorName = { kind: "anchor", index: 0 } as const;
const identityName = { kind: "identity", index: 0 } as const;

export function sealAnchor(cipher: RecordCipher, anchor: LogAnchor): Buffer {
  const writer = new ByteWriter(64);
  writer.safeInteger(anchor.sequence);
  writer.raw(anchor.previousHash);
  writer.safeInteger(anchor.compactedIndex);
  return cipher.seal(anchorName, writer.finish());
}

function openAnchor(cipher: RecordCipher, sealed: Buffer): LogAnchor {
  const reader = new ByteReader(cipher.open(anchorName, sealed));
  const anchor = {
    sequence: reader.safeInteger(),
    previousHash: reader.raw(firstAnchor.previousHash.length),
    compactedIndex: reader.safeInteger(),
  };
  reader.end();
  return anchor;
}

export function sealIdentity(cipher: RecordCipher, identity: StoredIdentity): Buffer {
  const members = [identity.self, ...identity.members];
  const writer = new ByteWriter(128 * members.length);
  writer.uint32(members.length);
  for (const member of members) {
    writer.uint64(member.raftId);
    writer.bytes(Buffer.from(member.nodeId));
    writer.bytes(Buffer.from(member.address));
  }
  return cipher.seal(identityName, writer.finish());
}

function openIdentity(cipher: RecordCipher, sealed: Buffer): StoredIdentity {
  const reader = new ByteReader(cipher.open(identityName, sealed));
  const [self, ...members] = Array.from({ length: reader.uint32() }, () => ({
    raftId: reader.uint64(),
    nodeId: reader.bytes().toString(),
    address: reader.bytes().toString(),
  }));
  reader.end();
  if (self === undefined) throw damagedLog("the record of this member's identity is empty", 1);
  return { self, members };
}

async function readSealed<T>(
  database: LogDatabase,
  key: Buffer,
  what: string,
  read: (sealed: Buffer) => T,
): Promise<T | undefined> {
  const sealed: Buffer | undefined = await database.get(key);
  if (sealed === undefined) return undefined;
  try {
    return read(sealed);
  } catch (error) {
    throw damagedRecord(what, 1, error);
  }
}

/** The anchor of the log; undefined when the log is new. */
async function findAnchor(parts: RecoveryParts): Promise<LogAnchor | undefined> {
  const { database, cipher, hardStateFile, tailMark } = parts;
  const anchor = await readSealed(database, keys.anchor, "the first record of the log", (sealed) =>
    openAnchor(cipher, sealed),
  );
  if (anchor !== undefined) return anchor;
  const others = await database.keys({ gt: Buffer.of(0), lt: keys.end, limit: 1 }).all();
  if (others.length > 0) throw damagedLog("its first record is missing", 1);
  if ((await hardStateFile.read()) !== undefined || (await tailMark.read()) !== undefined) {
    throw damagedLog("the database is empty, although this member had a log", 1);
  }
  return undefined;
}

function openBatch(
  cipher: RecordCipher,
  key: Buffer,
  sealed: Buffer,
  image: LogImage,
): { batch: BatchRecord; hash: Buffer } {
  const sequence = numberOf(key);
  try {
    const plain = cipher.open({ kind: "batch", index: sequence }, sealed);
    return { batch: decodeBatch(plain), hash: hashOf(plain) };
  } catch (error) {
    throw damagedRecord(`batch ${sequence}`, image.lastIndex + 1, error);
  }
}

async function checkTail(parts: RecoveryParts, image: LogImage): Promise<boolean> {
  const next = image.lastIndex + 1;
  const repeated = await parts.hardStateFile.read();
  const { term = 0, vote = "0" } = image.hardState ?? {};
  if (repeated === undefined) {
    if (image.sequence > 1) throw damagedLog("the file that repeats term and vote is missing", next);
    return true;
  }
  const marked = Math.max(repeated.sequence, (await parts.tailMark.read()) ?? 0);
  if (marked > image.sequence) {
    throw damagedLog(`it ends at batch ${image.sequence}, but batch ${marked} had been written: its end is lost`, next);
  }
  const isAhead = repeated.term > term || (repeated.term === term && repeated.vote !== "0" && repeated.vote !== vote);
  if (isAhead) throw damagedLog("its term and vote are older than those in the file that repeats them", next);
  return repeated.term !== term || repeated.vote !== vote;
}

/** Undefined for a new log. Errors: DATA_LOSS, FAILED_PRECONDITION when a key is missing. */
export async function recover(parts: RecoveryParts): Promise<Recovery | undefined> {
  const { database, cipher } = parts;
  const anchor = await findAnchor(parts);
  if (anchor === undefined) return undefined;
  const image = new LogImage(anchor);
  const retained: RetainedBatch[] = [];
  const range = { gte: keys.batch(anchor.sequence), lt: keys.batch(Number.MAX_SAFE_INTEGER) };
  for await (const [key, sealed] of database.iterator({ ...range, highWaterMarkBytes: 1_048_576 })) {
    const { batch, hash } = openBatch(cipher, key, sealed, image);
    image.add(batch, hash);
    if (batch.snapshot?.replacesLog) for (const earlier of retained) earlier.lastIndex = 0;
    const lastIndex = batch.entries.at(-1)?.index ?? 0;
    retained.push({ sequence: batch.sequence, hash, lastIndex, holdsSnapshot: batch.snapshot !== undefined });
  }
  if (retained.length === 0)
    throw damagedLog(`all batches from ${anchor.sequence} on are missing`, anchor.compactedIndex + 1);
  image.finish();
  const fileIsBehind = await checkTail(parts, image);
  const what = "the record of this member's identity";
  const identity = await readSealed(database, keys.identity, what, (sealed) => openIdentity(cipher, sealed));
  return { image, retained, anchor, identity, fileIsBehind };
}
