// How far the log has been written, in a file of its own that is never synced: what LevelDB silently drops from the
// end of its log is noticed by it, except after a power cut, which may take the newest marks with it. The mark is
// written after the batch, so it never runs ahead of the log.
import { createHash } from "node:crypto";
import { constants, writeSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

const markLength = 16;

function checksum(sequence: Buffer): Buffer {
  return createHash("sha256").update("mswarm raft tail").update(sequence).digest().subarray(0, 8);
}

export class TailMark {
  readonly #file: FileHandle;
  readonly #onFailure: (error: unknown) => void;

  private constructor(file: FileHandle, onFailure: (error: unknown) => void) {
    this.#file = file;
    this.#onFailure = onFailure;
  }

  static async open(path: string, onFailure: (error: unknown) => void): Promise<TailMark> {
    return new TailMark(await open(path, constants.O_RDWR | constants.O_CREAT, 0o600), onFailure);
  }

  /** The batch it names; undefined when it is empty or was torn. */
  async read(): Promise<number | undefined> {
    const bytes = Buffer.alloc(markLength);
    const { bytesRead } = await this.#file.read(bytes, 0, markLength, 0);
    const sequence = bytes.subarray(0, 8);
    if (bytesRead !== markLength || !checksum(sequence).equals(bytes.subarray(8))) return undefined;
    return Number(sequence.readBigUInt64BE());
  }

  /**
   * Marks `sequence` as written. At once, because handing sixteen bytes for the page cache to another thread takes longer
   * than copying them there. A failure is given to the constructor's listener.
   */
  write(sequence: number): void {
    const bytes = Buffer.alloc(markLength);
    bytes.writeBigUInt64BE(BigInt(sequence));
    checksum(bytes.subarray(0, 8)).copy(bytes, 8);
    try {
      writeSync(this.#file.fd, bytes, 0, markLength, 0);
    } catch (error) {
      this.#onFailure(error);
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
