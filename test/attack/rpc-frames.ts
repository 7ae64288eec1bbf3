// HTTP/2 frames as an attacker writes them.
import { connect as connectHttp2, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http2";
import { connect, type TLSSocket } from "node:tls";
import type { CertifiedKey, ListenAddress } from "@mswarm/rpc";

export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  windowUpdate: 8,
  continuation: 9,
};

export function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** The preface and an empty SETTINGS. */
export const preface: Buffer = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  frame(frameType.settings, 0, 0),
]);

const literal = (name: string, value: string): Buffer =>
  Buffer.concat([Buffer.from([0x00, name.length]), Buffer.from(name), Buffer.from([value.length]), Buffer.from(value)]);

/** A header block without Huffman coding; every text below 127 bytes. */
export function headerBlock(path: string, extra: Readonly<Record<string, string>> = {}): Buffer {
  const headers = {
    ":method": "POST",
    ":scheme": "https",
    ":path": path,
    ":authority": "swarm-manager",
    "content-type": "application/grpc",
    te: "trailers",
    ...extra,
  };
  return Buffer.concat(Object.entries(headers).map(([name, value]) => literal(name, value)));
}

export interface RawConnection {
  readonly socket: TLSSocket;
  /** Everything the server sent so far. */
  received(): Buffer;
  /** Resolves when the server has closed the connection. */
  readonly closed: Promise<void>;
  /** Writes with back-pressure; false when the connection is gone. */
  write(bytes: Buffer): Promise<boolean>;
}

/** A TLS connection without HTTP/2 on it. */
export async function rawConnect(address: ListenAddress, certificate?: CertifiedKey): Promise<RawConnection> {
  const socket = connect({
    ...address,
    rejectUnauthorized: false,
    ALPNProtocols: ["h2"],
    ...(certificate === undefined ? {} : { cert: certificate.certificatePem, key: certificate.keyPem }),
  });
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => {
    // What matters is how the server ends it; a flood of answers is not kept.
    if (chunks.length < 64) chunks.push(chunk);
  });
  socket.on("error", () => undefined);
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  await Promise.race([new Promise((resolve) => socket.once("secureConnect", resolve)), closed]);
  return {
    socket,
    closed,
    received: () => Buffer.concat(chunks),
    async write(bytes) {
      if (socket.destroyed || !socket.writable) return false;
      if (!socket.write(bytes)) {
        await Promise.race([new Promise((resolve) => socket.once("drain", resolve)), closed]);
      }
      return !socket.destroyed;
    },
  };
}

/**
 * A call as an attacker makes it: `body` is sent as it is, and the request is ended only when `isEnded`.
 * Resolves with the headers of an answer without a message, which is what a refusal is.
 */
export async function rawCall(
  address: ListenAddress,
  path: string,
  request: { headers?: OutgoingHttpHeaders; body?: Buffer; isEnded?: boolean },
): Promise<IncomingHttpHeaders> {
  const { socket } = await rawConnect(address);
  const session = connectHttp2("https://swarm-manager", { createConnection: () => socket });
  session.on("error", () => undefined);
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
    ...request.headers,
  });
  stream.on("error", () => undefined);
  const { body = Buffer.alloc(0), isEnded = true } = request;
  if (isEnded) stream.end(body);
  else stream.write(body);
  try {
    return await new Promise((resolve, reject) => {
      stream.once("response", resolve);
      stream.once("close", () => reject(new TypeError("the stream was closed without an answer")));
    });
  } finally {
    session.destroy();
  }
}
