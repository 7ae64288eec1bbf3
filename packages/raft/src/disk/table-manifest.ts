// Which table files belong to a LevelDB database, read before LevelDB itself opens it: a compaction begins with the
// opening, and a damaged table that takes part in it ends the whole process.
// Source: leveldb doc/impl.md, doc/log_format.md, db/version_edit.cc.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isMissing } from "./hard-state-file.ts";
import { maskedChecksum, varint } from "./leveldb-encoding.ts";

const blockLength = 32_768;
/** Checksum (4 bytes), length (2), type (1). */
const headerLength = 7;
const types = { full: 1, first: 2, middle: 3, last: 4 } as const;

/** The fields of an edit by their tags: which parts follow the tag. */
const fieldParts: Readonly<Record<number, readonly ("number" | "text")[]>> = {
  1: ["text"],
  2: ["number"],
  3: ["number"],
  4: ["number"],
  5: ["number", "text"],
  6: ["number", "number"],
  7: ["number", "number", "number", "text", "text"],
  9: ["number"],
};
const deletedFile = 6;
const newFile = 7;

/**
 * The numbers of the tables in use; undefined where the files that say so are missing or cannot be read, which LevelDB
 * finds out itself, with an error.
 */
export async function liveTables(directory: string): Promise<ReadonlySet<number> | undefined> {
  const current = await present(join(directory, "CURRENT"));
  const name = current?.toString("latin1").trimEnd();
  if (name === undefined || !/^MANIFEST-\d+$/.test(name)) return undefined;
  const manifest = await present(join(directory, name));
  return manifest && tablesOf(manifest);
}

/** The tables in use after all edits of a manifest; undefined when it is damaged. */
export function tablesOf(manifest: Buffer): ReadonlySet<number> | undefined {
  const tables = new Set<number>();
  for (const edit of records(manifest)) if (edit === undefined || !apply(edit, tables)) return undefined;
  return tables;
}

async function present(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** The records of a log file; undefined in place of a damaged one, and nothing for one that a crash has cut off. */
function* records(file: Buffer): Generator<Buffer | undefined> {
  let parts: Buffer[] = [];
  for (let at = 0; at + headerLength <= file.length; ) {
    const room = blockLength - (at % blockLength);
    if (room < headerLength) {
      at += room;
      continue;
    }
    const length = file.readUInt16LE(at + 4);
    const type = file[at + 6];
    const end = at + headerLength + length;
    if (end > file.length) return;
    if (file.readUInt32LE(at) !== maskedChecksum(file.subarray(at + 6, end))) yield undefined;
    if (type === types.full || type === types.first) parts = [];
    parts.push(file.subarray(at + headerLength, end));
    if (type === types.full || type === types.last) yield Buffer.concat(parts);
    at = end;
  }
}

/** False when the edit cannot be understood. */
function apply(edit: Buffer, tables: Set<number>): boolean {
  for (let at = 0; at < edit.length; ) {
    const tag = varint(edit, at);
    const parts = tag && fieldParts[tag.value];
    if (parts === undefined) return false;
    at = tag?.end ?? edit.length;
    const numbers: number[] = [];
    for (const part of parts) {
      const number = varint(edit, at);
      if (number === undefined) return false;
      numbers.push(number.value);
      at = part === "text" ? number.end + number.value : number.end;
    }
    const [, file = 0] = numbers;
    if (tag?.value === newFile) tables.add(file);
    if (tag?.value === deletedFile) tables.delete(file);
  }
  return true;
}
