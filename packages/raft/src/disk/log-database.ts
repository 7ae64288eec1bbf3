// The LevelDB database of the log: its keys, and its errors in our words.
import {
  failedPrecondition,
  isSwarmError,
  messageOf,
  resourceExhausted,
  type SwarmError,
  unavailable,
} from "@mswarm/runtime";
import { Level } from "level";
import { damagedLog } from "./damage.ts";
import { findDamagedTables, firstAmong, firstInUse } from "./table-check.ts";
import { liveTables } from "./table-manifest.ts";

export type LogDatabase = Level<Buffer, Buffer>;

interface Keys {
  readonly anchor: Buffer;
  readonly identity: Buffer;
  batch(sequence: number): Buffer;
  chunk(snapshot: number, part: number): Buffer;
  /** Before the first chunk of the snapshot. */
  snapshot(snapshot: number): Buffer;
  /** Behind every key of a record. */
  readonly end: Buffer;
}

/** Keys are one letter and big-endian numbers, so that they sort by number. */
export const keys: Keys = {
  anchor: Buffer.from("a"),
  identity: Buffer.from("i"),
  batch: (sequence) => numbered("b", sequence),
  chunk: (snapshot, part) => Buffer.concat([numbered("s", snapshot), part32(part)]),
  snapshot: (snapshot) => numbered("s", snapshot),
  end: Buffer.from("z"),
};

function numbered(letter: string, number: number): Buffer {
  const key = Buffer.alloc(9);
  key.write(letter);
  key.writeBigUInt64BE(BigInt(number), 1);
  return key;
}

function part32(part: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(part);
  return bytes;
}

/** The number in a key of `numbered`. */
export function numberOf(key: Buffer): number {
  return Number(key.readBigUInt64BE(1));
}

function causes(error: unknown): string {
  const inner = error instanceof Error && error.cause !== undefined ? causes(error.cause) : "";
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return `${code} ${messageOf(error)} ${inner}`.trim();
}

/** Says what a failed access to the disk means. Errors of ours pass unchanged. */
export function diskError(doing: string, error: unknown): SwarmError {
  if (isSwarmError(error)) return error;
  const text = causes(error);
  if (/ENOSPC|EDQUOT|No space left|quota exceeded/i.test(text)) {
    return resourceExhausted(`raft log: ${doing} failed: the disk is full`, { cause: error });
  }
  if (/corrupt/i.test(text)) return damagedLog(`${doing} failed: the database is damaged`, 1, error);
  return unavailable(`raft log: ${doing} failed: ${text}`, { cause: error });
}

/**
 * Opens the database, or makes it.
 *
 * Errors: FAILED_PRECONDITION when another process (or another store of this process) has it open.
 */
export async function openDatabase(path: string): Promise<LogDatabase> {
  // Ciphertext does not compress.
  const options = { keyEncoding: "buffer", valueEncoding: "buffer", compression: false } as const;
  const damaged = await findDamagedTables(path);
  if (damaged.length > 0) refuseDamaged(firstAmong((await liveTables(path)) ?? new Set(), damaged));
  // Not before: it begins to open by itself, and to remove the files of compactions that a crash has interrupted.
  const database: LogDatabase = new Level<Buffer, Buffer>(path, options);
  try {
    await database.open();
  } catch (error) {
    if (/LEVEL_LOCKED|already held by process|LOCK: /.test(causes(error))) {
      throw failedPrecondition(
        `raft log: ${path} is in use by another process. Is a daemon running with this state directory?`,
        {
          cause: error,
        },
      );
    }
    throw diskError(`opening ${path}`, error);
  }
  try {
    refuseDamaged(await firstInUse(path, damaged));
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

function refuseDamaged(table: string | undefined): void {
  if (table !== undefined) throw damagedLog(`the file ${table} of its database is damaged`, 1);
}

interface Compactable {
  compactRange(start: Buffer, end: Buffer): Promise<void>;
}

const isCompactable = (database: object): database is Compactable => "compactRange" in database;

const borders = [Buffer.of(0), keys.end];

/** Rewrites all files, so that what was deleted or overwritten is no longer in any of them. */
export async function rewriteFiles(database: LogDatabase): Promise<void> {
  // `level` types only what browsers have too; on Node it is classic-level, which can compact.
  if (!isCompactable(database)) return;
  const [start = keys.end, end = keys.end] = borders;
  await database.compactRange(start, end);
  // LevelDB writes all versions of a key into one file when it empties its memory, and drops the old ones only when that
  // file is merged with another one. The keys at the two borders make a second file that overlaps it.
  await database.batch(
    borders.map((key) => ({ type: "put", key, value: Buffer.alloc(0) })),
    { sync: true },
  );
  await database.compactRange(start, end);
}
