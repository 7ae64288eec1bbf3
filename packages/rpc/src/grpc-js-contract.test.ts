// What we rely on in grpc-js without its documentation promising it. A new version is looked at here first.
import { createRequire } from "node:module";
import { createServer, type Socket } from "node:net";
import {
  CallCredentials,
  ChannelCredentials,
  Client,
  type experimental,
  type Metadata,
  type Server,
  ServerInterceptingCall,
  type ServerInterceptor,
  type ServerUnaryCall,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { bodyOf, createGrpcServer, serveConnection } from "./grpc-server.ts";

const patient = { timeout: 40_000, interval: 10 };
const path = "/test.Service/Method";
const same = (bytes: Buffer): Buffer => bytes;
const limits = {
  maxMessageBytes: 1_000,
  maxPendingBytes: 10_000,
  maxStreams: 10,
  maxSessionMegabytes: 10,
  maxHeaderBytes: 1_000,
  resetBurst: 100,
  resetRate: 10,
};

/** Plain TCP in place of TLS: grpc-js does not look. */
class PlainCredentials extends ChannelCredentials {
  readonly steps: string[];

  constructor(steps: string[]) {
    super();
    this.steps = steps;
  }

  override _isSecure(): boolean {
    return false;
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(): experimental.SecureConnector {
    return {
      waitForReady: async () => void this.steps.push("waitForReady"),
      connect: async (socket) => {
        this.steps.push("connect");
        return { socket, secure: false };
      },
      getCallCredentials: () => CallCredentials.createEmpty(),
      destroy: () => undefined,
    };
  }
}

const call = (client: Client): Promise<Buffer | undefined> =>
  new Promise((resolve, reject) => {
    client.makeUnaryRequest<Buffer, Buffer>(path, same, same, Buffer.from("x"), (error, answer) =>
      error === null ? resolve(answer) : reject(error),
    );
  });

async function withServer(
  onConnection: (server: Server, socket: Socket) => void,
  handler: (call: ServerUnaryCall<Buffer, Buffer>, respond: sendUnaryData<Buffer>) => void,
  use: (client: Client, steps: string[], accepted: string[]) => Promise<void>,
): Promise<void> {
  const accepted: string[] = [];
  const steps: string[] = [];
  const grpcServer = createGrpcServer([{ path, kind: "unary", handler }], limits);
  const listener = createServer((socket) => {
    accepted.push("accepted");
    onConnection(grpcServer, socket);
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const address = listener.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const client = new Client(`dns:127.0.0.1:${port}`, new PlainCredentials(steps), {
    "grpc.use_local_subchannel_pool": 1,
  });
  try {
    await use(client, steps, accepted);
  } finally {
    client.close();
    grpcServer.forceShutdown();
    listener.close();
  }
}

const gate = (onMetadata: (metadata: Metadata) => void, onCancel: () => void = () => undefined): ServerInterceptor => {
  return (_method, wire) =>
    new ServerInterceptingCall(wire, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, nextMetadata) => {
            onMetadata(metadata);
            nextMetadata(metadata);
          },
          onCancel,
        }),
    });
};

// serveConnection takes a TLSSocket; all it does with it is what a plain socket offers too.
const serve = (server: Server, socket: Socket, interceptor: ServerInterceptor): ReturnType<typeof serveConnection> =>
  serveConnection(server, Object.assign(socket, { alpnProtocol: "h2" }) as never, interceptor);

test("the version is the one that was looked at", () => {
  const { version } = createRequire(import.meta.url)("@grpc/grpc-js/package.json") as { version: string };
  expect(version).toBe("1.14.7");
});

test("the gate's metadata object is the one the handler gets", async () => {
  const atGate: Metadata[] = [];
  const atHandler: Metadata[] = [];
  await withServer(
    (server, socket) =>
      serve(
        server,
        socket,
        gate((metadata) => atGate.push(metadata)),
      ),
    (incoming, respond) => {
      atHandler.push(incoming.metadata);
      respond(null, incoming.request);
    },
    async (client) => {
      await call(client);
      await call(client);
    },
  );
  expect(atHandler).toHaveLength(2);
  expect(atHandler[0]).toBe(atGate[0]);
  expect(atHandler[1]).toBe(atGate[1]);
});

test("the gate sees how a body is encoded, and how much of it has come", async () => {
  const seen: [string, number][] = [];
  await withServer(
    (server, socket) =>
      serve(server, socket, (_method, wire) => {
        const body = bodyOf(wire);
        body.onBytes((bytes) => seen.push([body.encoding, bytes]));
        return new ServerInterceptingCall(wire);
      }),
    (incoming, respond) => respond(null, incoming.request),
    async (client) => {
      await call(client);
    },
  );
  // Five bytes of head and one of message.
  expect(seen).toEqual([["identity", 6]]);
});

test("the gate hears of the end of every call, answered or not, exactly once", async () => {
  let ends = 0;
  await withServer(
    (server, socket) =>
      serve(
        server,
        socket,
        gate(
          () => undefined,
          () => {
            ends += 1;
          },
        ),
      ),
    (incoming, respond) => respond(null, incoming.request),
    async (client) => {
      await call(client);
      await expect.poll(() => ends, patient).toBe(1);
    },
  );
  expect(ends).toBe(1);
});

test("a client prepares its credentials before it dials, and secures the socket before it speaks", async () => {
  await withServer(
    (server, socket) =>
      serve(
        server,
        socket,
        gate(() => undefined),
      ),
    (incoming, respond) => respond(null, incoming.request),
    async (client, steps, accepted) => {
      expect([...steps, ...accepted]).toEqual([]);
      await call(client);
      expect(steps).toEqual(["waitForReady", "connect"]);
    },
  );
});

test("a released connection leaves nothing behind in the server", async () => {
  let kept: Server | undefined;
  const sizeOf = (field: string): unknown => {
    const map: unknown = kept === undefined ? undefined : Reflect.get(kept, field);
    return map instanceof Map ? map.size : undefined;
  };
  await withServer(
    (server, socket) => {
      const served = serve(
        server,
        socket,
        gate(() => undefined),
      );
      socket.once("close", () => served.release());
      kept = server;
    },
    (incoming, respond) => respond(null, incoming.request),
    async (client) => {
      await call(client);
      expect(sizeOf("http2Servers")).toBe(1);
      client.close();
      await expect.poll(() => sizeOf("http2Servers"), patient).toBe(0);
      expect(sizeOf("sessions")).toBe(0);
    },
  );
});

test("the bounds that grpc-js has no words for reach node:http2", async () => {
  let reached: unknown;
  await withServer(
    (server, socket) => {
      serve(
        server,
        socket,
        gate(() => undefined),
      );
      reached = Reflect.get(server, "commonServerOptions");
    },
    (incoming, respond) => respond(null, incoming.request),
    async (client) => {
      await call(client);
    },
  );
  expect(reached).toMatchObject({
    streamResetBurst: 100,
    streamResetRate: 10,
    maxSessionMemory: 10,
    settings: { maxConcurrentStreams: 10, maxHeaderListSize: 1_000 },
  });
});
