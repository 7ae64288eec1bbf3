// Checks the checksums of LevelDB's table files before LevelDB sees them. LevelDB itself does not look at them unless it
// is asked to, which classic-level cannot do, and a damaged index block then ends the whole process by an assertion.
// Source: leveldb doc/table_format.md.
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { isMissing } from "./hard-state-file.ts";
import { maskedChecksum, varint } from "./leveldb-encoding.ts";

const footerLength = 48;
const magic = 0xdb4775248b80fb57n;
/** Behind each block: its compression (1 byte) and the checksum of both (4 bytes). */
const trailerLength = 5;
const noCompression = 0;

interface Handle {
  readonly offset: number;
  readonly size: number;
  readonly end: number;
}

function handle(bytes: Buffer, at: number): Handle | undefined {
  const offset = varint(bytes, at);
  const size = offset && varint(bytes, offset.end);
  return size && { offset: offset.value, size: size.value, end: size.end };
}

/** The block's content; undefined when its checksum is wrong. */
function block(table: Buffer, place: Handle | undefined): Buffer | undefined {
  if (place === undefined || place.offset + place.size + trailerLength > table.length) return undefined;
  const end = place.offset + place.size;
  const isSound = table.readUInt32LE(end + 1) === maskedChecksum(table.subarray(place.offset, end + 1));
  return isSound && table[end] === noCompression ? table.subarray(place.offset, end) : undefined;
}

/** The values in a block, which are handles of other blocks; undefined when one cannot be read. */
function handlesIn(content: Buffer): readonly Handle[] | undefined {
  if (content.length < 4) return undefined;
  const end = content.length - 4 * (content.readUInt32LE(content.length - 4) + 1);
  const handles: Handle[] = [];
  for (let at = 0; at < end; ) {
    const shared = varint(content, at);
    const unshared = shared && varint(content, shared.end);
    const length = unshared && varint(content, unshared.end);
    if (unshared === undefined || length === undefined) return undefined;
    const value = handle(content, length.end + unshared.value);
    if (value === undefined) return undefined;
    handles.push(value);
    at = length.end + unshared.value + length.value;
  }
  return handles;
}

/** True when every block of a table file that was written without compression has the right checksum. */
export function isSoundTable(table: Buffer): boolean {
  if (table.length < footerLength) return false;
  const footer = table.subarray(table.length - footerLength);
  if (footer.readBigUInt64LE(footerLength - 8) !== magic) return false;
  const metaIndex = handle(footer, 0);
  const index = metaIndex && handle(footer, metaIndex.end);
  for (const place of [metaIndex, index]) {
    const content = block(table, place);
    const handles = content && handlesIn(content);
    if (handles === undefined || handles.some((inner) => block(table, inner) === undefined)) return false;
  }
  return true;
}

/** A file as it was when it was looked at. */
interface FoundTable {
  readonly name: string;
  readonly size: number;
  readonly modified: number;
}

/** Undefined when the file is gone: another process may have the database open, which the opening will tell. */
async function present<R>(access: Promise<R>): Promise<R | undefined> {
  try {
    return await access;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function look(directory: string, name: string): Promise<FoundTable | undefined> {
  const found = await present(stat(join(directory, name)));
  return found && { name, size: found.size, modified: found.mtimeMs };
}

/** Tables with a wrong checksum. They may be rests of a compaction that ended with the process, and mean nothing then. */
export async function findDamagedTables(directory: string): Promise<readonly FoundTable[]> {
  const names = (await present(readdir(directory))) ?? [];
  const damaged: FoundTable[] = [];
  for (const name of names.filter((candidate) => /\.(ldb|sst)$/.test(candidate)).sort()) {
    const found = await look(directory, name);
    const table = found && (await present(readFile(join(directory, name))));
    if (found !== undefined && table !== undefined && !isSoundTable(table)) damaged.push(found);
  }
  return damaged;
}

/** The first of `damaged` that is among the tables in use. */
export function firstAmong(tables: ReadonlySet<number>, damaged: readonly FoundTable[]): string | undefined {
  return damaged.find(({ name }) => tables.has(Number.parseInt(name, 10)))?.name;
}

/**
 * The first of `damaged` that is still the same file. Asked after the database was opened, which removes tables that
 * do not belong to it.
 */
export async function firstInUse(directory: string, damaged: readonly FoundTable[]): Promise<string | undefined> {
  for (const before of damaged) {
    const now = await look(directory, before.name);
    if (now?.size === before.size && now.modified === before.modified) return before.name;
  }
  return undefined;
}
