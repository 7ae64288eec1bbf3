// What must not be kept of a recorded message, although its cluster is gone: keys and the secret half of join tokens.
// They are overwritten in the recorded bytes, same length, so that everything else stays as Docker sent it.
import { internalRaftRequestCodec, snapshotCodec } from "@mswarm/wire";

/** Overwrites the secrets that `message` (decoded) names wherever they stand in `bytes`. */
export function redact(message: unknown, bytes: Buffer): Buffer {
  const clean = Buffer.from(bytes);
  for (const secret of secretsIn(message)) {
    for (let at = clean.indexOf(secret); at >= 0; at = clean.indexOf(secret, at + 1)) {
      clean.fill("0", at, at + secret.length);
    }
  }
  return clean;
}

function secretsIn(value: unknown): Buffer[] {
  if (Array.isArray(value)) return value.flatMap(secretsIn);
  if (typeof value !== "object" || value === null || Buffer.isBuffer(value)) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    if (Buffer.isBuffer(member)) {
      if (name === "caKey" || name === "signingCaKey" || name === "key") return [member];
      // A log entry and a snapshot hold messages as bytes.
      if (name === "Data") return attempt(() => secretsIn(internalRaftRequestCodec.decode(member)));
      if (name === "data" && "metadata" in value) return secretsIn(snapshotCodec.decode(member));
    }
    if (typeof member === "string" && member.startsWith("SWMTKN-")) return [Buffer.from(member.slice(-25))];
    return secretsIn(member);
  });
}

/** Data of a membership change is not a request: it holds no secret. */
function attempt(read: () => Buffer[]): Buffer[] {
  try {
    return read();
  } catch {
    return [];
  }
}
