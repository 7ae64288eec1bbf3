// Payloads of snapshots, in chunks: one value of a hundred megabytes would be copied through LevelDB in one piece.
import type { SnapshotMeta } from "../core/messages.ts";
import type { StoredSnapshot } from "./batch-record.ts";
import { damagedLog, damagedRecord } from "./damage.ts";
import { keys, type LogDatabase } from "./log-database.ts";
import type { RecordCipher } from "./record-cipher.ts";

const chunkLength = 1_048_576;

/**
 * Writes the payload; nothing refers to it yet. Each chunk is synced: LevelDB may begin a new file between two writes,
 * and syncing the last does not sync the file before.
 */
export async function writeChunks(
  parts: { database: LogDatabase; cipher: RecordCipher },
  snapshot: { number: number; meta: SnapshotMeta; data: Buffer; replacesLog: boolean },
): Promise<StoredSnapshot> {
  const { number, meta, data, replacesLog } = snapshot;
  const chunks = Math.ceil(data.length / chunkLength);
  for (let part = 0; part < chunks; part += 1) {
    const plain = data.subarray(part * chunkLength, (part + 1) * chunkLength);
    const sealed = parts.cipher.seal({ kind: "snapshot", index: number, part }, plain);
    await parts.database.put(keys.chunk(number, part), sealed, { sync: true });
  }
  return { meta, number, chunks, bytes: data.length, replacesLog };
}

/** Errors: DATA_LOSS when a chunk is missing or damaged. */
export async function readChunks(
  parts: { database: LogDatabase; cipher: RecordCipher },
  snapshot: StoredSnapshot,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let part = 0; part < snapshot.chunks; part += 1) {
    const sealed: Buffer | undefined = await parts.database.get(keys.chunk(snapshot.number, part));
    const what = `chunk ${part} of the snapshot at index ${snapshot.meta.index}`;
    if (sealed === undefined) throw damagedLog(`${what} is missing`, 1);
    try {
      chunks.push(parts.cipher.open({ kind: "snapshot", index: snapshot.number, part }, sealed));
    } catch (error) {
      throw damagedRecord(what, 1, error);
    }
  }
  const data = Buffer.concat(chunks);
  if (data.length !== snapshot.bytes) throw damagedLog(`the snapshot at index ${snapshot.meta.index} is too short`, 1);
  return data;
}
