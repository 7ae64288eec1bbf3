// PEM blocks with headers. Swarm's key files carry headers without `Proc-Type`, which OpenSSL refuses (wire 3.11, trap 4).
import { invalidArgument } from "@mswarm/runtime";

export interface PemBlock {
  /** The word after BEGIN, for example `CERTIFICATE`. */
  readonly type: string;
  /** In the order of the file. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly data: Buffer;
}

const beginMark = "-----BEGIN ";
const dashes = "-----";

/** Every block of `text`, in order; text around blocks is skipped. Errors: INVALID_ARGUMENT for a damaged block. */
export function parsePem(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  let position = text.indexOf(beginMark);
  while (position !== -1) {
    const typeStart = position + beginMark.length;
    const typeEnd = text.indexOf(dashes, typeStart);
    if (typeEnd === -1) throw invalidArgument("a PEM block has no complete first line");
    const type = text.slice(typeStart, typeEnd);
    const endMark = `-----END ${type}-----`;
    const bodyStart = typeEnd + dashes.length;
    const bodyEnd = text.indexOf(endMark, bodyStart);
    if (!/^[A-Z0-9 ]{1,40}$/.test(type) || bodyEnd === -1) throw invalidArgument("a PEM block has no end line");
    blocks.push({ type, ...parseBody(text.slice(bodyStart, bodyEnd)) });
    position = text.indexOf(beginMark, bodyEnd + endMark.length);
  }
  return blocks;
}

function parseBody(body: string): { headers: [string, string][]; data: Buffer } {
  const lines = body.split("\n").map((line) => line.trim());
  const headers: [string, string][] = [];
  const base64: string[] = [];
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon === -1) base64.push(line);
    else if (base64.some((part) => part !== "")) throw invalidArgument("a PEM block has a header after its data");
    else headers.push([line.slice(0, colon).trim(), line.slice(colon + 1).trim()]);
  }
  const joined = base64.join("");
  if (joined === "" || joined.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(joined)) {
    throw invalidArgument("a PEM block does not hold base64");
  }
  return { headers, data: Buffer.from(joined, "base64") };
}

/** One block, 64 characters per line, with a line feed at the end: byte for byte what Go's `pem.Encode` writes. */
export function formatPem(block: { type: string; data: Buffer; headers?: PemBlock["headers"] }): string {
  const headers = (block.headers ?? []).map(([name, value]) => `${name}: ${value}\n`);
  const lines = block.data.toString("base64").match(/.{1,64}/g) ?? [];
  const separator = headers.length > 0 ? "\n" : "";
  return `${beginMark}${block.type}-----\n${headers.join("")}${separator}${lines.join("\n")}\n-----END ${block.type}-----\n`;
}

/**
 * The DER of every certificate of a bundle; other blocks are refused.
 * Errors: INVALID_ARGUMENT for damaged PEM.
 */
export function certificatesOfPem(text: string): Buffer[] {
  return parsePem(text).map((block) => {
    if (block.type !== "CERTIFICATE") throw invalidArgument(`expected certificates, found a PEM block ${block.type}`);
    return block.data;
  });
}

/** Certificates as one PEM text, headers dropped: the form in which PEMs are compared (wire 3.2). */
export function pemOfCertificates(ders: readonly Buffer[]): string {
  return ders.map((data) => formatPem({ type: "CERTIFICATE", data })).join("");
}

/** Re-encodes a bundle so that two spellings of the same certificates are equal. Source: swarmkit ca/certificates.go, NormalizePEMs. */
export function normalizePem(text: string): string {
  return pemOfCertificates(certificatesOfPem(text));
}
