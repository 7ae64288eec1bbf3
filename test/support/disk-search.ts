// Looks for bytes on a disk, in every form in which a careless program writes them down.
import type { Dirent } from "node:fs";
import { lstat, open, readdir } from "node:fs/promises";
import { join } from "node:path";

export interface Needle {
  /** What it is, for a person; never the bytes themselves. */
  readonly name: string;
  readonly bytes: Buffer;
}

export interface Finding {
  readonly needle: string;
  readonly path: string;
}

/**
 * The bytes themselves, base64 (also url-safe, and at each of the three offsets within a longer encoded text), hex, a
 * list of decimal numbers as JSON has it of a Buffer, and hex with spaces as inspection has it.
 *
 * @param bytes  random ones: what compresses may lie on the disk in yet another form
 */
export function inAllForms(name: string, bytes: Buffer): readonly Needle[] {
  const hex = bytes.toString("hex");
  const texts = new Map<string, string>([
    ["hex", hex],
    ["upper case hex", hex.toUpperCase()],
    ["decimal list", [...bytes].join(",")],
    ["inspected", (hex.slice(0, 64).match(/../g) ?? []).join(" ")],
  ]);
  for (const [offset, text] of base64Parts(bytes).entries()) {
    texts.set(`base64 at offset ${offset}`, text);
    texts.set(`base64url at offset ${offset}`, text.replaceAll("+", "-").replaceAll("/", "_"));
  }
  return [
    { name, bytes },
    ...[...texts].map(([form, text]) => ({ name: `${name} (${form})`, bytes: Buffer.from(text, "latin1") })),
  ];
}

/** What of the base64 of a longer text depends on `bytes` alone, when they begin at 0, 1 or 2 modulo 3. */
function base64Parts(bytes: Buffer): readonly string[] {
  return [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    const isWhole = (offset + bytes.length) % 3 === 0;
    return text.slice(offset === 0 ? 0 : offset + 1, isWhole ? undefined : -1);
  });
}

const chunkBytes = 1 << 20;

/**
 * Every place below `folder` where a needle lies, file names included. Symbolic links are not followed.
 *
 * @param options.otherFileSystems  false: what is mounted below, such as a tmpfs, is not looked at
 */
export async function searchDisk(
  folder: string,
  needles: readonly Needle[],
  options: { readonly otherFileSystems: boolean },
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const { dev } = await lstat(folder);
  const visit = async (directory: string): Promise<void> => {
    if (!options.otherFileSystems && (await lstat(directory)).dev !== dev) return;
    for (const entry of await entriesOf(directory)) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) await ifStillThere(() => visit(path));
      else if (entry.isFile()) findings.push(...((await ifStillThere(() => searchFile(path, needles))) ?? []));
    }
  };
  await visit(folder);
  return findings;
}

async function entriesOf(directory: string): Promise<readonly Dirent[]> {
  return (await ifStillThere(() => readdir(directory, { withFileTypes: true }))) ?? [];
}

/** Daemons and engines remove files while we look. */
async function ifStillThere<R>(look: () => Promise<R>): Promise<R | undefined> {
  try {
    return await look();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

export async function searchFile(path: string, needles: readonly Needle[]): Promise<readonly Finding[]> {
  const found = new Set<string>();
  const overlap = Math.max(...needles.map(({ bytes }) => bytes.length)) - 1;
  const window = Buffer.alloc(overlap + chunkBytes);
  const file = await open(path, "r");
  try {
    let kept = 0;
    for (;;) {
      const { bytesRead } = await file.read(window, kept, chunkBytes, null);
      if (bytesRead === 0) break;
      const seen = window.subarray(0, kept + bytesRead);
      for (const { name, bytes } of needles) if (!found.has(name) && seen.includes(bytes)) found.add(name);
      kept = Math.min(overlap, seen.length);
      window.copyWithin(0, seen.length - kept, seen.length);
    }
  } finally {
    await file.close();
  }
  return [...found].map((needle) => ({ needle, path }));
}
