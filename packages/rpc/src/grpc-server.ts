// The only place that knows how a grpc-js server is set up, and how a connection that is already ours gets into it.

import { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { ServerInterceptingCallInterface, UntypedHandleCall } from "@grpc/grpc-js";
import { experimental, Server, ServerCredentials, type ServerInterceptor } from "@grpc/grpc-js";
import { invariant } from "@mswarm/runtime";
import type { PeerLimits } from "./limits.ts";

/**
 * Options of node:http2 that grpc-js has no words for. It keeps what it gives to node:http2 in one private object,
 * made in its constructor; the contract test says so when that changes, and a server without these does not start.
 */
function tighten(server: Server, limits: PeerLimits): void {
  const options: unknown = Reflect.get(server, "commonServerOptions");
  invariant(typeof options === "object" && options !== null, "grpc-js keeps its http2 options elsewhere now");
  const settings: unknown = Reflect.get(options, "settings");
  Object.assign(options, {
    maxSettings: 16,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    maxHeaderListPairs: 64,
    streamResetBurst: limits.resetBurst,
    streamResetRate: limits.resetRate,
    settings: { ...(settings as object), maxHeaderListSize: limits.maxHeaderBytes },
  });
}

export interface GrpcMethod {
  readonly path: string;
  readonly kind: "unary" | "server-stream" | "client-stream" | "bidi-stream";
  readonly handler: UntypedHandleCall;
}

const kindNames = {
  unary: "unary",
  "server-stream": "serverStream",
  "client-stream": "clientStream",
  "bidi-stream": "bidi",
} as const;

const same = (bytes: Buffer): Buffer => bytes;

/** A grpc-js server without a port, whose messages stay bytes. */
export function createGrpcServer(methods: readonly GrpcMethod[], limits: PeerLimits): Server {
  const server = new Server({
    "grpc.max_receive_message_length": limits.maxMessageBytes,
    "grpc.max_send_message_length": -1,
    "grpc.max_concurrent_streams": limits.maxStreams,
    "grpc-node.max_session_memory": limits.maxSessionMegabytes,
    "grpc.enable_channelz": 0,
  });
  tighten(server, limits);
  for (const { path, kind, handler } of methods) server.register(path, handler, same, same, kindNames[kind]);
  return server;
}

/** What grpc-js knows of an incoming call and has no words for. */
export interface IncomingBody {
  /** How the caller says that its messages are compressed; "identity" for not at all. */
  readonly encoding: string;
  /** Calls `listener` with the number of bytes of each piece of the body, when grpc-js has taken it. */
  onBytes(listener: (bytes: number) => void): void;
}

/**
 * The body of a call, as its gate sees it. grpc-js keeps both in private fields; without them nothing bounds what it
 * holds, so a version that names them otherwise serves no call, and the contract test says so.
 */
export function bodyOf(call: ServerInterceptingCallInterface): IncomingBody {
  const stream: unknown = Reflect.get(call, "stream");
  const encoding: unknown = Reflect.get(call, "incomingEncoding");
  invariant(stream instanceof Duplex && typeof encoding === "string", "grpc-js keeps the body of a call elsewhere now");
  return {
    encoding,
    // The stream was paused by grpc-js, so that one more listener does not let it flow.
    onBytes: (listener) => void stream.on("data", (chunk: Buffer) => listener(chunk.length)),
  };
}

/** One connection that gRPC serves now. */
export interface ServedConnection {
  /** No new streams; the connection ends with its last one. */
  drain(): void;
  /** Frees what grpc-js keeps for the connection; to be called once it is closed. */
  release(): void;
}

/**
 * Hands a verified connection to gRPC. Each has an injector of its own, and with it its own interceptor: that is how
 * a call knows its peer. grpc-js offers no other link from a call to its connection that holds when Node's own verdict
 * is not used (`getAuthContext` knows only that one) and that no address can be confused with.
 */
export function serveConnection(server: Server, socket: TLSSocket, gate: ServerInterceptor): ServedConnection {
  // Peers that reloaded their credentials offer no ALPN; node:http2 would answer 403 (wire reference 12, trap 1).
  if (socket.alpnProtocol === false) socket.alpnProtocol = "h2";
  const credentials = experimental.createServerCredentialsWithInterceptors(ServerCredentials.createInsecure(), [gate]);
  const injector = server.createConnectionInjector(credentials);
  injector.injectConnection(socket);
  return { drain: () => injector.destroy(), release: () => injector.destroy() };
}
