import { spawn } from "node:child_process";
import { connect as connectTcp, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import {
  type Duration,
  deferred,
  isSwarmError,
  milliseconds,
  permissionDenied,
  seconds,
  systemClock,
  unavailable,
} from "@mswarm/runtime";
import { SimulatedClock } from "@mswarm/runtime/simulated";
import { afterEach, expect, test } from "vitest";
import { DialCredentials } from "./channel-credentials.ts";
import { wasNeverSent } from "./grpc-calls.ts";
import { anyone, bindService, type Channel, openChannel, type PeerVerifier } from "./index.ts";
import { createTestAuthority, type Loopback, startLoopback, testManager, testWorker } from "./testing/index.ts";

const patient = { timeout: 40_000, interval: 10 };

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const authority = await createTestAuthority();

/** Answers with 8 MiB, or little. */
const authorityService = bindService(
  "docker.swarmkit.v1.CA",
  {
    GetRootCACertificate: async () => ({ certificate: Buffer.alloc(8 * 1024 * 1024) }),
    GetUnlockKey: async () => ({ unlockKey: Buffer.from("x") }),
  },
  { GetRootCACertificate: anyone("test"), GetUnlockKey: anyone("test") },
);

async function start(): Promise<Loopback> {
  const loopback = await startLoopback({ authority, services: [authorityService], server: testManager("m1") });
  cleanups.push(() => loopback.close());
  return loopback;
}

async function listen(server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  return `127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
}

function open(
  address: string,
  verifier: PeerVerifier | "none",
  options: { readonly serverName?: string; readonly connectTimeout?: Duration } = {},
): Channel {
  const channel = openChannel({
    address,
    serverName: "swarm-manager",
    verifier,
    clock: systemClock(),
    ...options,
    maxReconnectDelay: milliseconds(100),
  });
  cleanups.push(async () => channel.close());
  return channel;
}

const ask = (channel: Channel): Promise<unknown> =>
  channel.client("docker.swarmkit.v1.CA").GetUnlockKey({}, { timeout: seconds(30) });

/** For peers that let one wait. */
const hasty = { connectTimeout: milliseconds(300) };

test("the verifier gets the presented chain and the name that was asked for", async () => {
  const { address } = await start();
  const seen: { count: number; name: string }[] = [];
  const verifier: PeerVerifier = {
    ...authority.verifier,
    verifyServer: (chain, name) => {
      seen.push({ count: chain.length, name });
      return authority.verifier.verifyServer(chain, name);
    },
  };
  const channel = open(`${address.host}:${address.port}`, verifier);
  await ask(channel);
  expect(seen).toEqual([{ count: 1, name: "swarm-manager" }]);
  expect(channel.peer).toEqual(testManager("m1"));
});

test("a server that does not verify gets no request, and the caller hears why", async () => {
  const requests: string[] = [];
  const { certificatePem: cert, keyPem: key } = await (await createTestAuthority()).issue(testManager());
  const impostor = createTlsServer({ cert, key, ALPNProtocols: ["h2"] }, (socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (data) => requests.push(data.toString("latin1")));
  });
  const channel = open(await listen(impostor), authority.verifier);
  await expect(ask(channel)).rejects.toMatchObject({
    code: "UNAVAILABLE",
    message: expect.stringContaining("not signed by this authority"),
  });
  expect(requests).toEqual([]);
});

test("a server that selects no ALPN is spoken to", async () => {
  const { address, tls } = await start();
  const { certificatePem: cert = "", keyPem: key = "" } = tls.current ?? {};
  const http2 = await import("node:http2");
  const old = createTlsServer({ cert, key }, (socket) => {
    expect(socket.alpnProtocol).toBe(false);
    http2.performServerHandshake(socket).on("stream", (stream) => {
      stream.respond(
        { ":status": 200, "content-type": "application/grpc", "grpc-status": "5", "grpc-message": "old" },
        {
          endStream: true,
        },
      );
    });
  });
  expect(address.port).toBeGreaterThan(0);
  await expect(ask(open(await listen(old), authority.verifier))).rejects.toMatchObject({
    code: "NOT_FOUND",
    message: "old",
  });
});

test("without a server name no SNI is sent", async () => {
  const { certificatePem: cert, keyPem: key } = await authority.issue(testManager());
  const names: unknown[] = [];
  const server = createTlsServer({ cert, key, ALPNProtocols: ["h2"] }, (socket) => {
    names.push(socket.servername);
    socket.on("error", () => undefined);
    socket.end();
  });
  const address = await listen(server);
  for (const serverName of ["", "swarm-ca"]) await ask(open(address, "none", { serverName })).catch(() => undefined);
  expect(names).toContain(false);
  expect(names).toContain("swarm-ca");
});

test("answers larger than 4 MiB are received", async () => {
  const { channel } = await start();
  const { certificate } = await (await channel(testWorker())).client("docker.swarmkit.v1.CA").GetRootCACertificate({});
  expect(certificate?.length).toBe(8 * 1024 * 1024);
});

test("a server that accepts and stays silent fails the call within the connect timeout", async () => {
  const silent = createTcpServer(() => undefined);
  await expect(ask(open(await listen(silent), authority.verifier, hasty))).rejects.toMatchObject({
    code: "UNAVAILABLE",
  });
});

test("a verification that fails or never ends keeps the connection unused", async () => {
  const loopback = await start();
  const target = `${loopback.address.host}:${loopback.address.port}`;
  const refusing = { ...authority.verifier, verifyServer: () => Promise.reject(permissionDenied("not you")) };
  await expect(ask(open(target, refusing))).rejects.toMatchObject({ code: "UNAVAILABLE" });
  const hanging = { ...authority.verifier, verifyServer: () => new Promise<never>(() => undefined) };
  await expect(ask(open(target, hanging, hasty))).rejects.toThrow();
});

test("a refused connection is a connection error, the word on which forwarders retry", async () => {
  const { address, close } = await start();
  await close();
  await expect(ask(open(`${address.host}:${address.port}`, authority.verifier))).rejects.toMatchObject({
    code: "UNAVAILABLE",
    message: expect.stringMatching(/^connection error: /),
  });
});

/** What a failed call was: it certainly never began, or it may have. */
async function fate(call: Promise<unknown>): Promise<"never sent" | "may have begun" | "answered"> {
  return await call.then(
    () => "answered",
    (error: unknown) => (isSwarmError(error) && wasNeverSent(error) ? "never sent" : "may have begun"),
  );
}

test("a call is known to have never been sent when there is no connection, and only then", async () => {
  const arrived = deferred();
  const service = bindService(
    "docker.swarmkit.v1.CA",
    {
      GetRootCACertificate: () => {
        arrived.resolve();
        return new Promise(() => undefined);
      },
      // What a server says of connections of its own.
      GetUnlockKey: () => Promise.reject(unavailable("connection error: No connection established")),
    },
    { GetRootCACertificate: anyone("test"), GetUnlockKey: anyone("test") },
  );
  const loopback = await startLoopback({ authority, services: [service] });
  cleanups.push(() => loopback.close());
  const target = `${loopback.address.host}:${loopback.address.port}`;
  const channel = open(target, authority.verifier);
  expect(await fate(ask(channel))).toBe("may have begun");
  const cut = fate(channel.client("docker.swarmkit.v1.CA").GetRootCACertificate({}));
  await arrived.promise;
  await loopback.close();
  expect(await cut).toBe("may have begun");
  expect(await fate(ask(open(target, authority.verifier)))).toBe("never sent");

  // Still connecting when the channel is closed, and closed before.
  const silent = open(await listen(createTcpServer(() => undefined)), authority.verifier);
  const waiting = fate(ask(silent));
  silent.close();
  expect(await waiting).toBe("never sent");
  expect(await fate(ask(silent))).toBe("never sent");
});

test("a broken connection is a connection error, is told to listeners, and the next call connects again", async () => {
  const started = deferred();
  const service = bindService(
    "docker.swarmkit.v1.CA",
    {
      GetRootCACertificate: () => {
        started.resolve();
        return new Promise(() => undefined);
      },
      GetUnlockKey: async () => ({}),
    },
    { GetRootCACertificate: anyone("test"), GetUnlockKey: anyone("test") },
  );
  const loopback = await startLoopback({ authority, services: [service] });
  cleanups.push(() => loopback.close());
  const channel = await loopback.channel(testWorker("w1"));
  let disconnects = 0;
  const stop = channel.onDisconnect(() => {
    disconnects += 1;
  });
  const hanging = channel.client("docker.swarmkit.v1.CA").GetRootCACertificate({});
  await started.promise;
  loopback.server.disconnect("w1");
  await expect(hanging).rejects.toMatchObject({ code: expect.stringMatching(/UNAVAILABLE|PERMISSION_DENIED/) });
  await expect.poll(() => disconnects, patient).toBe(1);
  stop();
  await expect
    .poll(
      () =>
        ask(channel).then(
          () => true,
          () => false,
        ),
      patient,
    )
    .toBe(true);
  expect(disconnects).toBe(1);
});

test("a channel finds a server that comes back within a fraction of a second", async () => {
  const first = await start();
  const channel = open(`${first.address.host}:${first.address.port}`, authority.verifier);
  await ask(channel);
  await first.close();
  await ask(channel).catch(() => undefined);
  const again = await startLoopback({ authority, services: [authorityService] });
  cleanups.push(() => again.close());
  await again.server.listenTcp(first.address);
  const clock = systemClock();
  const before = clock.monotonic();
  await expect
    .poll(
      () =>
        ask(channel).then(
          () => true,
          () => false,
        ),
      { interval: 10, timeout: 40_000 },
    )
    .toBe(true);
  // Without being told, gRPC comes to pauses of two minutes.
  expect(clock.monotonic() - before).toBeLessThan(20_000);
});

test("after close every call fails, and closing twice does nothing", async () => {
  const { channel } = await start();
  const closed = await channel(testWorker());
  await ask(closed);
  closed.close();
  closed.close();
  await expect(ask(closed)).rejects.toMatchObject({ code: "UNAVAILABLE" });
});

test.each(["", "manager1", "10.0.0.1:99999", "[fe80:2377", "a b:1", "unix:/x:1", "10.0.0.1:2377/path"])(
  "%j is not an address",
  (address) => {
    expect(() => openChannel({ address, serverName: "", verifier: "none", clock: systemClock() })).toThrow(
      "not an address",
    );
  },
);

test("a peer that takes no connections fails the call within the connect timeout, not after the kernel's minutes", async () => {
  // A stopped process with a full backlog: the kernel drops further SYNs, as a cut-off machine would.
  const listener = spawn(process.execPath, [
    "-e",
    "const s=require('net').createServer();s.listen({port:0,host:'127.0.0.1',backlog:1},()=>console.log(s.address().port))",
  ]);
  cleanups.push(async () => void listener.kill("SIGKILL"));
  const port = await new Promise<number>((resolve) => listener.stdout.once("data", (data) => resolve(Number(data))));
  listener.kill("SIGSTOP");
  const fillers = Array.from({ length: 4 }, () => connectTcp(port, "127.0.0.1").on("error", () => undefined));
  cleanups.push(async () => {
    for (const filler of fillers) filler.destroy();
  });
  await expect.poll(() => fillers.filter((filler) => !filler.connecting).length, patient).toBeGreaterThan(0);
  const clock = systemClock();
  const before = clock.monotonic();
  await expect(ask(open(`127.0.0.1:${port}`, authority.verifier, hasty))).rejects.toMatchObject({
    code: "UNAVAILABLE",
  });
  expect(clock.monotonic() - before).toBeLessThan(25_000);
});

test("a TCP connect that hangs is reported after the connect timeout", async () => {
  const clock = new SimulatedClock();
  let stalled = 0;
  const credentials = new DialCredentials({
    serverName: "",
    tls: undefined,
    verifier: "none",
    clock,
    connectTimeout: seconds(5),
    onStalled: () => {
      stalled += 1;
    },
    onConnected: () => undefined,
    onDisconnected: () => undefined,
  });
  const connector = credentials._createSecureConnector({ path: "" }, {});
  await connector.waitForReady();
  await clock.advance(seconds(4.9));
  expect(stalled).toBe(0);
  await clock.advance(seconds(0.2));
  expect(stalled).toBe(1);
});
