// A growing buffer and its reader, for the records of the log: fixed-width big-endian numbers and sized byte strings.
import { dataLoss } from "@mswarm/runtime";

export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  /** @param expected  bytes that will probably be written */
  constructor(expected: number) {
    this.#buffer = Buffer.allocUnsafe(Math.max(64, expected));
  }

  #reserve(count: number): number {
    const at = this.#length;
    if (at + count > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, at + count));
      this.#buffer.copy(grown, 0, 0, at);
      this.#buffer = grown;
    }
    this.#length += count;
    return at;
  }

  byte(value: number): void {
    const at = this.#reserve(1);
    this.#buffer[at] = value;
  }

  uint32(value: number): void {
    const at = this.#reserve(4);
    this.#buffer.writeUInt32BE(value, at);
  }

  /** A whole number up to 2^53 − 1. */
  safeInteger(value: number): void {
    const at = this.#reserve(8);
    this.#buffer.writeUInt32BE(Math.floor(value / 2 ** 32), at);
    this.#buffer.writeUInt32BE(value >>> 0, at + 4);
  }

  /** A decimal unsigned 64-bit number. */
  uint64(decimal: string): void {
    const at = this.#reserve(8);
    this.#buffer.writeBigUInt64BE(BigInt(decimal), at);
  }

  /** Bytes without their length. */
  raw(bytes: Buffer): void {
    const at = this.#reserve(bytes.length);
    bytes.copy(this.#buffer, at);
  }

  /** Bytes behind their length. */
  bytes(bytes: Buffer): void {
    this.uint32(bytes.length);
    this.raw(bytes);
  }

  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }
}

/** Reads what ByteWriter wrote. Throws DATA_LOSS when the bytes end too early. */
export class ByteReader {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  #take(count: number): number {
    const at = this.#at;
    if (at + count > this.#buffer.length) throw dataLoss("the record is too short");
    this.#at += count;
    return at;
  }

  byte(): number {
    return this.#buffer.readUInt8(this.#take(1));
  }

  uint32(): number {
    return this.#buffer.readUInt32BE(this.#take(4));
  }

  safeInteger(): number {
    const at = this.#take(8);
    return this.#buffer.readUInt32BE(at) * 2 ** 32 + this.#buffer.readUInt32BE(at + 4);
  }

  uint64(): string {
    return this.#buffer.readBigUInt64BE(this.#take(8)).toString();
  }

  /** The next `count` bytes, as a view. */
  raw(count: number): Buffer {
    const at = this.#take(count);
    return this.#buffer.subarray(at, at + count);
  }

  bytes(): Buffer {
    return this.raw(this.uint32());
  }

  /** Throws DATA_LOSS when something is left. */
  end(): void {
    if (this.#at !== this.#buffer.length) throw dataLoss("the record is too long");
  }
}
