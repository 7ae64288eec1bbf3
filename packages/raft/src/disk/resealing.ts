// Change of the data key: every record that another key sealed is sealed again, slice by slice.
import { keys, type LogDatabase, numberOf } from "./log-database.ts";
import type { RecordCipher, RecordName } from "./record-cipher.ts";

const sliceBytes = 4_194_304;

function nameOf(key: Buffer): RecordName {
  const letter = String.fromCharCode(key[0] ?? 0);
  if (letter === "a") return { kind: "anchor", index: 0 };
  if (letter === "i") return { kind: "identity", index: 0 };
  if (letter === "b") return { kind: "batch", index: numberOf(key) };
  return { kind: "snapshot", index: numberOf(key), part: key.readUInt32BE(9) };
}

/**
 * Seals the next few records behind `from` again, in one synced batch. The plain bytes and so the hashes stay.
 *
 * @returns the last key looked at; undefined when there are no more
 */
export async function resealSlice(
  parts: { database: LogDatabase; cipher: RecordCipher },
  from: Buffer,
): Promise<Buffer | undefined> {
  const { database, cipher } = parts;
  const operations: { type: "put"; key: Buffer; value: Buffer }[] = [];
  let last: Buffer | undefined;
  let bytes = 0;
  for await (const [key, sealed] of database.iterator({ gt: from, lt: keys.end })) {
    last = key;
    bytes += sealed.length;
    if (!cipher.isCurrent(sealed)) {
      const name = nameOf(key);
      operations.push({ type: "put", key, value: cipher.seal(name, cipher.open(name, sealed)) });
    }
    if (bytes >= sliceBytes) break;
  }
  if (operations.length > 0) await database.batch(operations, { sync: true });
  return last;
}
