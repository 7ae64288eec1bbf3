// How much work a message is, before it is decoded: a few bytes on the wire can be an object each.
import protobuf from "protobufjs";

/** Deeper than any message of the schema. */
const depthMax = 32;

/**
 * The number of fields in the encoding of a message, nested ones and the items of packed lists included; undefined for more
 * than `most` (no byte is looked at after that many), and for bytes that are no message.
 */
export function fieldCount(type: protobuf.Type, bytes: Uint8Array, most: number): number | undefined {
  const reader = protobuf.Reader.create(bytes);
  try {
    const left = spend(type, reader, reader.len, most, depthMax);
    return left < 0 ? undefined : most - left;
  } catch {
    // Decoding may see it otherwise, and go on: it does not ask whether a field ends within the message that it is in.
    return undefined;
  }
}

/** What is left of `left` after the fields up to `end`; negative when it was not enough. */
function spend(
  type: protobuf.Type | undefined,
  reader: protobuf.Reader,
  end: number,
  most: number,
  depth: number,
): number {
  let left = most;
  while (reader.pos < end && left >= 0) {
    const tag = reader.uint32();
    left -= 1;
    const wireType = tag & 7;
    // Groups, which no message of the schema has, and which are skipped by recursion.
    if (wireType === 3 || wireType === 4 || depth === 0) return -1;
    if (wireType !== 2) {
      reader.skipType(wireType);
      continue;
    }
    const stop = reader.uint32() + reader.pos;
    if (stop > end) throw new RangeError("a field ends behind its message");
    const field = type?.fieldsById[tag >>> 3];
    if (field?.map === true) left = spend(undefined, reader, stop, left, depth - 1);
    else if (field?.resolvedType instanceof protobuf.Type)
      left = spend(field.resolvedType, reader, stop, left, depth - 1);
    else if (field?.repeated === true && field.type !== "string" && field.type !== "bytes") left -= stop - reader.pos;
    reader.pos = stop;
  }
  return left;
}
