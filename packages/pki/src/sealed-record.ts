// SwarmKit's MaybeEncryptedRecord, in which the data key is kept in the headers of `swarm-node.key` (wire 4.2).

import { failedPrecondition, invalidArgument, type Random, unimplemented } from "@mswarm/runtime";
import { xsalsa20poly1305 } from "@noble/ciphers/salsa.js";
import protobuf from "protobufjs/minimal.js";

const secretbox = 1;
const fernet = 2;
const nonceBytes = 24;

/**
 * Seals `plain` for a header.
 *
 * @param kek  32 bytes: NaCl secretbox under it; undefined: the record holds the clear bytes
 */
export function sealRecord(plain: Buffer, kek: Buffer | undefined, random: Random): Buffer {
  const writer = protobuf.Writer.create();
  if (kek === undefined) return Buffer.from(writer.uint32(18).bytes(plain).finish());
  const nonce = random.bytes(nonceBytes);
  const data = xsalsa20poly1305(kek, nonce).encrypt(plain);
  return Buffer.from(writer.uint32(8).int32(secretbox).uint32(18).bytes(data).uint32(26).bytes(nonce).finish());
}

/**
 * Opens a record. A clear record opens with or without `kek`, because a crash between two writes must stay loadable.
 * Errors: FAILED_PRECONDITION for a record that `kek` (or its absence) does not open; INVALID_ARGUMENT for a damaged one;
 * UNIMPLEMENTED for the FIPS form.
 */
export function openRecord(record: Buffer, kek: Buffer | undefined): Buffer {
  const { algorithm, data, nonce } = decodeRecord(record);
  if (algorithm === 0) return data;
  if (algorithm === fernet) throw unimplemented("keys that were sealed in FIPS mode (Fernet) cannot be read");
  if (algorithm !== secretbox) throw invalidArgument("a sealed key has an unknown algorithm");
  if (kek === undefined) throw failedPrecondition("record is encrypted");
  if (nonce.length !== nonceBytes) {
    throw invalidArgument(`invalid nonce size for NACL secretbox: require ${nonceBytes}, got ${nonce.length}`);
  }
  try {
    return Buffer.from(xsalsa20poly1305(kek, nonce).decrypt(data));
  } catch {
    throw failedPrecondition("cannot decrypt record encrypted using NACL secretbox");
  }
}

function decodeRecord(record: Buffer): { algorithm: number; data: Buffer; nonce: Buffer } {
  const found = { algorithm: 0, data: Buffer.alloc(0), nonce: Buffer.alloc(0) };
  try {
    const reader = protobuf.Reader.create(record);
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag === 8) found.algorithm = reader.int32();
      else if (tag === 18) found.data = Buffer.from(reader.bytes());
      else if (tag === 26) found.nonce = Buffer.from(reader.bytes());
      else reader.skipType(tag & 7);
    }
  } catch (cause) {
    throw invalidArgument("unable to unmarshal as MaybeEncryptedRecord", { cause });
  }
  return found;
}
