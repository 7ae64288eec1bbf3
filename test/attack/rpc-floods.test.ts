// DESIGN 7, rule 7: nobody can make a manager's memory grow, and honest nodes are served meanwhile.
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { anyone, type BoundService, bindService, type Channel, defaultLimits, roles } from "@mswarm/rpc";
import { type Loopback, type LoopbackOptions, startLoopback, testWorker } from "@mswarm/rpc/testing";
import { milliseconds, seconds, statusNumbers, systemClock } from "@mswarm/runtime";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { frame, frameType, headerBlock, preface, type RawConnection, rawCall, rawConnect } from "./rpc-frames.ts";

const clock = systemClock();
const patient = { timeout: 60_000, interval: 10 };

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const issuePath = "/docker.swarmkit.v1.NodeCA/IssueNodeCertificate";
const checkPath = "/docker.swarmkit.v1.Health/Check";

interface Target extends Loopback {
  issued: number;
  running: number;
}

async function start(limits: NonNullable<LoopbackOptions["limits"]> = {}): Promise<Target> {
  const state = { issued: 0, running: 0 };
  const services: BoundService[] = [
    bindService(
      "docker.swarmkit.v1.NodeCA",
      {
        IssueNodeCertificate: async () => {
          state.issued += 1;
          return {};
        },
        // A long poll that ends with its caller, as the real one does.
        NodeCertificateStatus: (_request, call) =>
          new Promise((_resolve, reject) => {
            call.signal.addEventListener("abort", () => reject(call.signal.reason), { once: true });
          }),
      },
      { IssueNodeCertificate: anyone("test"), NodeCertificateStatus: anyone("test") },
    ),
    bindService(
      "docker.swarmkit.v1.Health",
      {
        // A handler that ignores its signal.
        Check: async ({ service }) => {
          if (service !== "hang") return { status: "SERVING" };
          state.running += 1;
          return new Promise(() => undefined);
        },
      },
      { Check: roles("swarm-worker") },
    ),
  ];
  const loopback = await startLoopback({ services, limits });
  cleanups.push(() => loopback.close());
  return Object.assign(state, loopback);
}

const check = (channel: Channel): Promise<unknown> =>
  channel.client("docker.swarmkit.v1.Health").Check({}, { timeout: seconds(10) });

test("calls of one node as fast as it can: so many are taken, and others are served as ever", async () => {
  const target = await start({ workerCalls: { capacity: 50, interval: milliseconds(50) } });
  const [evil, good] = await Promise.all([
    Promise.all([1, 2, 3].map(() => target.channel(testWorker("evil")))),
    target.channel(testWorker("good")),
  ]);
  const outcomes = { taken: 0, refused: 0 };
  const begun = clock.monotonic();
  const flooding = evil.flatMap((channel) =>
    Array.from({ length: 10 }, async () => {
      for (let count = 0; count < 20; count += 1) {
        await check(channel).then(
          () => (outcomes.taken += 1),
          (error: unknown) => {
            expect(error).toMatchObject({ code: "RESOURCE_EXHAUSTED" });
            outcomes.refused += 1;
          },
        );
      }
    }),
  );
  for (let beats = 0; beats < 20; beats += 1) await check(good);
  await Promise.all(flooding);
  expect(outcomes.taken).toBeGreaterThanOrEqual(50);
  expect(outcomes.taken).toBeLessThanOrEqual(50 + (clock.monotonic() - begun) / 50);
  expect(outcomes.taken + outcomes.refused).toBe(600);
});

/** A length-prefixed message, as gRPC frames it. */
function grpcMessage(payload: Buffer, isCompressed = false): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(isCompressed ? 1 : 0, 0);
  head.writeUInt32BE(payload.length, 1);
  return Buffer.concat([head, payload]);
}

/** Writes `chunk` until the server ends the connection or `rounds` are written; says whether it was ended. */
async function flood(connection: RawConnection, rounds: number, chunk: (round: number) => Buffer): Promise<boolean> {
  for (let round = 0; round < rounds; round += 1) {
    if (!(await connection.write(chunk(round)))) return true;
  }
  return connection.socket.destroyed;
}

const repeated = (bytes: Buffer, count: number): Buffer => Buffer.concat(Array.from({ length: count }, () => bytes));

const stream = (round: number, index: number): number => (round * 100 + index) * 2 + 1;

const floods: [string, (round: number) => Buffer][] = [
  ["settings", () => repeated(frame(frameType.settings, 0, 0, Buffer.from([0, 3, 0, 0, 0, 100])), 1_000)],
  ["pings", () => repeated(frame(frameType.ping, 0, 0, Buffer.alloc(8)), 1_000)],
  [
    "requests that are reset at once",
    (round) =>
      Buffer.concat(
        Array.from({ length: 100 }, (_, index) =>
          Buffer.concat([
            frame(frameType.headers, 0x4, stream(round, index), headerBlock(issuePath)),
            frame(frameType.reset, 0, stream(round, index), Buffer.from([0, 0, 0, 8])),
          ]),
        ),
      ),
  ],
  [
    "streams that are opened and left",
    (round) =>
      Buffer.concat(
        Array.from({ length: 100 }, (_, index) =>
          frame(frameType.headers, 0x4, stream(round, index), headerBlock(issuePath)),
        ),
      ),
  ],
  [
    "continuation frames without an end",
    (round) =>
      Buffer.concat([
        round === 0 ? frame(frameType.headers, 0, 1, headerBlock(issuePath)) : Buffer.alloc(0),
        repeated(frame(frameType.continuation, 0, 1, Buffer.from("\0\x04junk\x04junk", "latin1")), 500),
      ]),
  ],
  [
    "priorities of streams that do not exist",
    (round) =>
      Buffer.concat(
        Array.from({ length: 1_000 }, (_, index) =>
          frame(frameType.priority, 0, stream(round * 10, index), Buffer.from([0, 0, 0, 0, 1])),
        ),
      ),
  ],
  [
    "empty data frames",
    (round) =>
      Buffer.concat([
        round === 0 ? frame(frameType.headers, 0x4, 1, headerBlock(issuePath)) : Buffer.alloc(0),
        repeated(frame(frameType.data, 0, 1), 1_000),
      ]),
  ],
];

test("the frames of these attacks are ones that the server understands", async () => {
  const target = await start();
  const connection = await rawConnect(target.address);
  await connection.write(preface);
  await connection.write(frame(frameType.headers, 0x4, 1, headerBlock(issuePath)));
  await connection.write(frame(frameType.data, 1, 1, grpcMessage(Buffer.alloc(0))));
  await expect.poll(() => target.issued, patient).toBe(1);
  connection.socket.destroy();
});

test.each(floods)("a flood of %s does not make memory grow, and nodes are served meanwhile", async (_name, chunk) => {
  const target = await start();
  const node = await target.channel(testWorker());
  await check(node);
  const before = process.memoryUsage();
  const connection = await rawConnect(target.address);
  await connection.write(preface);
  await Promise.all([flood(connection, 300, chunk), check(node), check(node)]);
  await check(node);
  const after = process.memoryUsage();
  connection.socket.destroy();
  // 300 rounds are about 10 MB of frames; what stays may be garbage, but not a multiple of it.
  expect(after.heapUsed + after.external - before.heapUsed - before.external).toBeLessThan(100 * 1024 * 1024);
});

test("a header list without end is refused, not stored", async () => {
  const target = await start();
  const connection = await rawConnect(target.address);
  await connection.write(preface);
  const extra = Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`x-${index}`, "v".repeat(100)]));
  const block = headerBlock(issuePath, extra);
  const frames = [frame(frameType.headers, 0, 1, block.subarray(0, 16_000))];
  for (let at = 16_000; at < block.length; at += 16_000) {
    const isLast = at + 16_000 >= block.length;
    frames.push(frame(frameType.continuation, isLast ? 0x4 : 0, 1, block.subarray(at, at + 16_000)));
  }
  await connection.write(Buffer.concat(frames));
  await connection.write(frame(frameType.data, 1, 1, grpcMessage(Buffer.alloc(0))));
  await Promise.race([connection.closed, new Promise((resolve) => connection.socket.once("data", resolve))]);
  await check(await target.channel(testWorker()));
  expect(target.issued).toBe(0);
  connection.socket.destroy();
});

test("a stranger's message above 64 KiB is refused, and a compressed one whatever its size", async () => {
  const target = await start();
  const stranger = (await target.channel(undefined)).client("docker.swarmkit.v1.NodeCA");
  const tooMuch = { code: "RESOURCE_EXHAUSTED" };
  await expect(stranger.IssueNodeCertificate({ csr: Buffer.alloc(65 * 1024) })).rejects.toMatchObject(tooMuch);
  await stranger.IssueNodeCertificate({ csr: Buffer.alloc(60 * 1024) });

  const bomb = grpcMessage(gzipSync(Buffer.alloc(50 * 1024 * 1024)), true);
  expect(bomb.length).toBeLessThan(60 * 1024);
  const answer = await rawCall(target.address, issuePath, { headers: { "grpc-encoding": "gzip" }, body: bomb });
  expect(answer["grpc-status"]).toBe(String(statusNumbers.UNIMPLEMENTED));
  expect(target.issued).toBe(1);
});

test("messages that never become complete take no more memory than one node may have", async () => {
  const target = await start();
  const certificate = await target.authority.issue(testWorker("hoarder"));
  const head = grpcMessage(Buffer.alloc(4 * 1024 * 1024)).subarray(0, 5);
  const piece = Buffer.alloc(2 * 1024 * 1024);
  const before = process.memoryUsage().rss;
  const { host, port } = target.address;
  const sessions = Array.from({ length: 4 }, () =>
    connectHttp2(`https://${host}:${port}`, {
      cert: certificate.certificatePem,
      key: certificate.keyPem,
      rejectUnauthorized: false,
      maxSessionMemory: 1_000,
    }).on("error", () => undefined),
  );
  const ended: string[] = [];
  for (const session of sessions) {
    for (let count = 0; count < 50; count += 1) {
      const stream = session.request({
        ":method": "POST",
        ":path": checkPath,
        "content-type": "application/grpc",
        te: "trailers",
      });
      stream.on("error", () => undefined);
      stream.on("response", (headers) => ended.push(String(headers["grpc-status"])));
      stream.resume();
      stream.write(head);
      stream.write(piece);
    }
  }
  // 200 streams of 2 MiB; 16 MiB of them may wait.
  await expect.poll(() => ended.length, { timeout: 40_000, interval: 50 }).toBeGreaterThanOrEqual(192);
  expect(new Set(ended)).toEqual(new Set([String(statusNumbers.RESOURCE_EXHAUSTED)]));
  await check(await target.channel(testWorker("modest")));
  expect(process.memoryUsage().rss - before).toBeLessThan(900 * 1024 * 1024);
  for (const session of sessions) session.destroy();
});

test("a node's message above 4 MiB is refused", async () => {
  const target = await start();
  const node = (await target.channel(testWorker())).client("docker.swarmkit.v1.NodeCA");
  await expect(node.IssueNodeCertificate({ csr: Buffer.alloc(4 * 1024 * 1024 + 1) })).rejects.toMatchObject({
    code: "RESOURCE_EXHAUSTED",
  });
  await node.IssueNodeCertificate({ csr: Buffer.alloc(4 * 1024 * 1024 - 100) });
});

test("a refused call is refused before its message has arrived", async () => {
  const target = await start();
  const answer = await rawCall(target.address, checkPath, { body: Buffer.from([0, 0, 1]), isEnded: false });
  expect(answer["grpc-status"]).toBe(String(statusNumbers.PERMISSION_DENIED));
});

test("a stranger that trickles its request is answered with the end of its time", async () => {
  const target = await start({ strangerRequestTimeout: milliseconds(200) });
  const body = grpcMessage(Buffer.alloc(1_000)).subarray(0, 10);
  const answer = await rawCall(target.address, issuePath, { body, isEnded: false });
  expect(answer["grpc-status"]).toBe(String(statusNumbers.DEADLINE_EXCEEDED));
  expect(target.issued).toBe(0);
});

test("a stranger's idle connection is closed, one with a long poll stays, a node's stays", async () => {
  const target = await start({ strangerIdleTimeout: seconds(2) });
  const idle = await rawConnect(target.address);
  await idle.write(preface);
  const polling = await target.channel(undefined);
  const poll = polling.client("docker.swarmkit.v1.NodeCA").NodeCertificateStatus({}, { timeout: seconds(6) });
  const node = await target.channel(testWorker());
  await check(node);
  let disconnected = false;
  node.onDisconnect(() => {
    disconnected = true;
  });
  await idle.closed;
  await expect(poll).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
  expect(disconnected).toBe(false);
});

test("a stranger's connection has a longest life, however busy", async () => {
  const target = await start({ strangerLifetime: milliseconds(300) });
  const stranger = await target.channel(undefined);
  const poll = stranger.client("docker.swarmkit.v1.NodeCA").NodeCertificateStatus({});
  await expect(poll).rejects.toMatchObject({ code: "UNAVAILABLE" });
});

test("strangers above their number are cut off, and nodes still get in", async () => {
  const target = await start({ maxStrangersPerAddress: 5 });
  const connections = await Promise.all(Array.from({ length: 12 }, () => rawConnect(target.address)));
  for (const connection of connections) await connection.write(preface);
  const ended = (): number => connections.filter(({ socket }) => socket.destroyed).length;
  await expect.poll(ended, patient).toBe(7);
  await check(await target.channel(testWorker()));
  for (const { socket } of connections) socket.destroy();
  await expect
    .poll(
      () =>
        target.channel(undefined).then((channel) =>
          channel
            .client("docker.swarmkit.v1.NodeCA")
            .IssueNodeCertificate({})
            .then(
              () => true,
              () => false,
            ),
        ),
      patient,
    )
    .toBe(true);
});

test("half-open handshakes time out and leave room for others", async () => {
  const target = await start({ maxHandshakesPerAddress: 5, handshakeTimeout: seconds(2) });
  const sockets: Socket[] = Array.from({ length: 20 }, () =>
    connectTcp(target.address.port, target.address.host).on("error", () => undefined),
  );
  await expect.poll(() => sockets.filter((socket) => socket.destroyed || socket.closed).length, patient).toBe(20);
  await check(await target.channel(testWorker()));
});

test("one node cannot take all connections", async () => {
  const target = await start({ maxConnectionsPerWorker: 3 });
  const certificate = await target.authority.issue(testWorker("greedy"));
  const connections = await Promise.all(Array.from({ length: 8 }, () => rawConnect(target.address, certificate)));
  const ended = (): number => connections.filter(({ socket }) => socket.destroyed).length;
  await expect.poll(ended, patient).toBe(5);
  await check(await target.channel(testWorker("modest")));
  for (const { socket } of connections) socket.destroy();
});

test("calls that are reset do not free their places while their handlers go on", async () => {
  const target = await start({ workers: { ...defaultLimits.workers, maxStreams: 20 } });
  const node = await target.channel(testWorker());
  const client = node.client("docker.swarmkit.v1.Health");
  for (let round = 0; round < 10; round += 1) {
    const controller = new AbortController();
    const calls = Array.from({ length: 10 }, () =>
      client.Check({ service: "hang" }, { signal: controller.signal }).catch(() => undefined),
    );
    await check(node).catch(() => undefined);
    controller.abort();
    await Promise.all(calls);
  }
  expect(target.running).toBeLessThanOrEqual(20);
  await expect(check(node)).rejects.toMatchObject({ code: "RESOURCE_EXHAUSTED" });
  await check(await target.channel(testWorker("other")));
});

test("garbage instead of TLS, and garbage inside it, only end their own connection", async () => {
  const target = await start();
  const plain = connectTcp(target.address.port, target.address.host);
  plain.on("error", () => undefined);
  plain.write("GET / HTTP/1.1\r\nHost: manager\r\n\r\n");
  await new Promise((resolve) => plain.once("close", resolve));
  const inside = await rawConnect(target.address);
  await inside.write(Buffer.from("GET / HTTP/1.1\r\nHost: manager\r\n\r\n"));
  await inside.closed;
  await check(await target.channel(testWorker()));
});

const oddHeaders = fc.record(
  {
    "grpc-timeout": fc.oneof(fc.string({ maxLength: 12 }), fc.constantFrom("99999999H", "0n", "-1S", "1S, 2S")),
    "grpc-encoding": fc.constantFrom("gzip", "deflate", "snappy", ""),
    "content-type": fc.constantFrom("application/grpc", "application/grpc-web", "text/html", "application/grpc+json"),
    forwarded_cert: fc.string({ maxLength: 8 }),
    redirect: fc.string({ maxLength: 8 }),
    "junk-bin": fc.string({ maxLength: 40 }),
    "mswarm-user": fc.string({ maxLength: 8 }),
  },
  { requiredKeys: ["content-type"] },
);

test("a server outlives whatever headers and bodies are thrown at it", async () => {
  const target = await start({ strangerRequestTimeout: milliseconds(50), maxStrangersPerAddress: 600 });
  const node = await target.channel(testWorker());
  const printable = (headers: Readonly<Record<string, string>>): Record<string, string> =>
    Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.replace(/[^ -~]/g, "?")]));
  await fc.assert(
    fc.asyncProperty(oddHeaders, fc.uint8Array({ maxLength: 60 }), fc.boolean(), async (odd, body, isEnded) => {
      const headers = printable(odd);
      await rawCall(target.address, issuePath, { headers, body: Buffer.from(body), isEnded }).catch(() => undefined);
    }),
    { numRuns: 150 },
  );
  await check(node);
});

test("a server outlives random frames", async () => {
  const target = await start();
  const node = await target.channel(testWorker());
  const anyFrame = fc.tuple(fc.nat(12), fc.nat(255), fc.nat(9), fc.uint8Array({ maxLength: 40 }));
  await fc.assert(
    fc.asyncProperty(fc.array(anyFrame, { minLength: 1, maxLength: 20 }), async (frames) => {
      const connection = await rawConnect(target.address);
      await connection.write(preface);
      for (const [type, flags, id, payload] of frames)
        await connection.write(frame(type, flags, id, Buffer.from(payload)));
      connection.socket.end();
      await connection.closed;
    }),
    { numRuns: 100 },
  );
  await check(node);
});
