// One record of the log: what one `append` wrote, chained to the record before by its hash.
import { createHash } from "node:crypto";
import { dataLoss } from "@mswarm/runtime";
import type { Entry, HardState, SnapshotMeta } from "../core/messages.ts";
import { ByteReader, ByteWriter } from "./record-bytes.ts";

/** Where the payload of a snapshot lies: in `chunks` records named by `number`. */
export interface StoredSnapshot {
  readonly meta: SnapshotMeta;
  readonly number: number;
  readonly chunks: number;
  readonly bytes: number;
  /** True when it came from the leader and replaces the log before it. */
  readonly replacesLog: boolean;
}

export interface BatchRecord {
  /** Counts the batches of this log from 1, without a gap. */
  readonly sequence: number;
  /** Hash of the batch before; zeros before the first. */
  readonly previousHash: Buffer;
  /** The newest hard state, whether it changed or not. */
  readonly hardState: HardState;
  readonly snapshot: StoredSnapshot | undefined;
  readonly entries: readonly Entry[];
}

export const hashLength = 32;
export const noHash: Buffer = Buffer.alloc(hashLength);

/** Hash of an encoded batch. Of the plain bytes, so that sealing it again under another key keeps the chain. */
export function hashOf(encoded: Buffer): Buffer {
  return createHash("sha256").update(encoded).digest();
}

function writeSnapshot(writer: ByteWriter, snapshot: StoredSnapshot): void {
  writer.safeInteger(snapshot.meta.index);
  writer.safeInteger(snapshot.meta.term);
  writer.uint32(snapshot.meta.voters.length);
  for (const voter of snapshot.meta.voters) writer.uint64(voter);
  writer.safeInteger(snapshot.number);
  writer.uint32(snapshot.chunks);
  writer.safeInteger(snapshot.bytes);
  writer.byte(snapshot.replacesLog ? 1 : 0);
}

function readSnapshot(reader: ByteReader): StoredSnapshot {
  const index = reader.safeInteger();
  const term = reader.safeInteger();
  const voters = Array.from({ length: reader.uint32() }, () => reader.uint64());
  const number = reader.safeInteger();
  const chunks = reader.uint32();
  const bytes = reader.safeInteger();
  return { meta: { index, term, voters }, number, chunks, bytes, replacesLog: reader.byte() === 1 };
}

const entryTypes = ["normal", "conf-change"] as const;

function writeEntry(writer: ByteWriter, entry: Entry): void {
  writer.safeInteger(entry.index);
  writer.safeInteger(entry.term);
  writer.byte(entryTypes.indexOf(entry.type));
  writer.byte(entry.data === undefined ? 0 : 1);
  if (entry.data !== undefined) writer.bytes(entry.data);
}

function readEntry(reader: ByteReader): Entry {
  const index = reader.safeInteger();
  const term = reader.safeInteger();
  const type = entryTypes[reader.byte()];
  if (type === undefined) throw dataLoss("the record names an unknown type of entry");
  return { index, term, type, data: reader.byte() === 1 ? reader.bytes() : undefined };
}

const entryOverhead = 22;

export function encodeBatch(batch: BatchRecord): Buffer {
  const size = batch.entries.reduce((sum, entry) => sum + entryOverhead + (entry.data?.length ?? 0), 256);
  const writer = new ByteWriter(size);
  writer.safeInteger(batch.sequence);
  writer.raw(batch.previousHash);
  writer.safeInteger(batch.hardState.term);
  writer.uint64(batch.hardState.vote);
  writer.safeInteger(batch.hardState.commit);
  writer.byte(batch.snapshot === undefined ? 0 : 1);
  if (batch.snapshot !== undefined) writeSnapshot(writer, batch.snapshot);
  writer.uint32(batch.entries.length);
  for (const entry of batch.entries) writeEntry(writer, entry);
  return writer.finish();
}

/** Throws DATA_LOSS when the bytes are not a batch. The entries' data are views of `encoded`. */
export function decodeBatch(encoded: Buffer): BatchRecord {
  const reader = new ByteReader(encoded);
  const sequence = reader.safeInteger();
  const previousHash = reader.raw(hashLength);
  const hardState = { term: reader.safeInteger(), vote: reader.uint64(), commit: reader.safeInteger() };
  const snapshot = reader.byte() === 1 ? readSnapshot(reader) : undefined;
  const entries = Array.from({ length: reader.uint32() }, () => readEntry(reader));
  reader.end();
  return { sequence, previousHash, hardState, snapshot, entries };
}
