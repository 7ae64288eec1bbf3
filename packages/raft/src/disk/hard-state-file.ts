// The small separate file that repeats term and vote. It lies outside of the database, because LevelDB forgets the end
// of its own log without a word when a byte of it is damaged, and a member that forgot a vote could vote twice.
import { open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import type { HardState } from "../core/messages.ts";
import { damagedRecord } from "./damage.ts";
import { ByteReader, ByteWriter } from "./record-bytes.ts";
import type { RecordCipher } from "./record-cipher.ts";

export interface RepeatedHardState {
  readonly term: number;
  readonly vote: HardState["vote"];
  /** The batch that made this term and vote durable: everything up to it must be in the log. */
  readonly sequence: number;
}

const name = { kind: "hard-state", index: 0 } as const;

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

export class HardStateFile {
  readonly #path: string;
  readonly #cipher: RecordCipher;

  constructor(path: string, cipher: RecordCipher) {
    this.#path = path;
    this.#cipher = cipher;
  }

  /** Undefined when there is none. Errors: DATA_LOSS when it is damaged, FAILED_PRECONDITION without its key. */
  async read(): Promise<RepeatedHardState | undefined> {
    let sealed: Buffer;
    try {
      sealed = await readFile(this.#path);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
    const reader = new ByteReader(this.#open(sealed));
    const state = { term: reader.safeInteger(), vote: reader.uint64(), sequence: reader.safeInteger() };
    reader.end();
    return state;
  }

  #open(sealed: Buffer): Buffer {
    try {
      return this.#cipher.open(name, sealed);
    } catch (error) {
      throw damagedRecord(`the file ${this.#path}, which repeats term and vote,`, 1, error);
    }
  }

  /** Replaces the file: a crash at any moment leaves the old or the new one. */
  async write(state: RepeatedHardState): Promise<void> {
    const writer = new ByteWriter(32);
    writer.safeInteger(state.term);
    writer.uint64(state.vote);
    writer.safeInteger(state.sequence);
    const temporary = `${this.#path}.new`;
    const file = await open(temporary, "w", 0o600);
    try {
      await file.writeFile(this.#cipher.seal(name, writer.finish()));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.#path);
    await syncDirectory(dirname(this.#path));
  }
}
