// The two encodings that LevelDB's files share. Source: leveldb util/crc32c.h and util/coding.h.

const crcTable: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});

/** CRC-32C (Castagnoli), masked as LevelDB stores it. */
export function maskedChecksum(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crcTable[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  crc ^= 0xffffffff;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** A varint at `at`, and where it ends; undefined when it does not end. */
export function varint(bytes: Buffer, at: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let position = at, factor = 1; position < bytes.length && position < at + 8; position += 1, factor *= 128) {
    const byte = bytes[position] ?? 0;
    value += (byte & 0x7f) * factor;
    if (byte < 128) return { value, end: position + 1 };
  }
  return undefined;
}
