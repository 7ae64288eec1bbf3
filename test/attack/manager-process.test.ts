// DESIGN 7, rules 7 and 10 against a manager in a process of its own: a worker with a valid certificate, a leaked token and
// other users of the machine do all they can to it. The attacker lives in this process, so that what is measured there is
// the manager's.
import { execFile } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { createCertificateRequest, managerServerName } from "@mswarm/pki";
import { type CertifiedKey, type Channel, defaultLimits, openChannel, TlsMaterial } from "@mswarm/rpc";
import { isSwarmError, milliseconds, seconds, systemClock } from "@mswarm/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DaemonProcess } from "../support/daemon-process.ts";
import { callLimit, eventually } from "../support/eventually.ts";
import { TestCluster } from "../support/test-cluster.ts";
import { type CitizensReport, startCitizens } from "./good-citizens.ts";
import { frame, frameType, headerBlock, preface, rawConnect } from "./rpc-frames.ts";

const run = promisify(execFile);
const clock = systemClock();
const inTime = { timeout: callLimit };
const megabyte = 1_048_576;
let cluster: TestCluster;
let manager: DaemonProcess;
let joinToken: string;
let engine: Server;
let engineFolder: string;
const channels: Channel[] = [];

beforeAll(async () => {
  engineFolder = await mkdtemp(join(tmpdir(), "mswf-"));
  const socket = join(engineFolder, "engine.sock");
  // All that a node without tasks needs of its engine.
  engine = createServer((request, response) => {
    const path = request.url?.replace(/^\/v1\.\d+/, "").replace(/\?.*/, "") ?? "";
    const answers: Record<string, unknown> = { "/_ping": "OK", "/info": { NCPU: 2 }, "/containers/json": [] };
    response.setHeader("Content-Type", "application/json");
    response.statusCode = path in answers ? 200 : 503;
    response.end(JSON.stringify(answers[path] ?? { message: "nothing here" }));
  });
  await new Promise<void>((resolve) => engine.listen(socket, resolve));
  cluster = await TestCluster.create(`unix://${socket}`);
  manager = cluster.add("m1");
  await manager.start();
  await manager.init();
  joinToken = (await cluster.joinTokens()).worker ?? "";
});
afterAll(async () => {
  for (const channel of channels) channel.close();
  await cluster.stop();
  engine.closeAllConnections();
  engine.close();
  await rm(engineFolder, { recursive: true, force: true });
});

function dial(certificate: CertifiedKey | undefined): Channel {
  const channel = openChannel({
    address: manager.managerAddress,
    serverName: managerServerName,
    tls: new TlsMaterial(certificate),
    verifier: "none",
    clock,
    maxReconnectDelay: milliseconds(500),
  });
  channels.push(channel);
  return channel;
}

const codeOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => "OK",
    (error: unknown) => (isSwarmError(error) ? error.code : String(error)),
  );

/** A worker as any holder of the token can be. */
async function admitted(): Promise<CertifiedKey & { readonly nodeId: string }> {
  const { csrPem, keyPem } = await createCertificateRequest({ crypto: globalThis.crypto });
  const nodeCa = dial(undefined).client("docker.swarmkit.v1.NodeCA");
  const { nodeId = "" } = await nodeCa.IssueNodeCertificate({ csr: Buffer.from(csrPem), token: joinToken }, inTime);
  return await eventually(async () => {
    const { certificate, status } = await nodeCa.NodeCertificateStatus({ nodeId }, inTime);
    expect(status?.state).toBe("ISSUED");
    return { nodeId, keyPem, certificatePem: certificate?.certificate?.toString() ?? "" };
  });
}

async function residentBytes(): Promise<number> {
  const status = await readFile(`/proc/${manager.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1_024;
}

interface Suffered extends CitizensReport {
  /** Bytes. */
  readonly memoryGrown: number;
  readonly logGrown: number;
  readonly raftGrown: number;
}

const entries = async (): Promise<number> => Number((await manager.status()).raft?.appliedIndex ?? 0);

/** What the manager and its good citizens suffer from `attack`, beside the citizens' own writes. */
async function suffered(attack: () => Promise<unknown>): Promise<Suffered> {
  const citizens = await startCitizens(dial(await admitted()), manager.control);
  const [memory, log, raft] = [await residentBytes(), (await stat(manager.logFile)).size, await entries()];
  await attack();
  const grown = {
    memoryGrown: (await residentBytes()) - memory,
    logGrown: (await stat(manager.logFile)).size - log,
    raftGrown: (await entries()) - raft,
  };
  const report = await citizens.stop();
  console.log(
    `[attack] ${Math.round(grown.memoryGrown / megabyte)} MiB more, ${grown.raftGrown - report.writes} entries, ${grown.logGrown} bytes of log; slowest heartbeat ${Math.round(report.slowestHeartbeat)} ms, slowest write ${Math.round(report.slowestWrite)} ms of ${report.writes}`,
  );
  return { ...report, ...grown, raftGrown: grown.raftGrown - report.writes };
}

function addressOf(): { readonly host: string; readonly port: number } {
  return { host: manager.address, port: manager.port };
}

function hostileSession({ certificatePem, keyPem }: CertifiedKey): ClientHttp2Session {
  const { host, port } = addressOf();
  const options = { cert: certificatePem, key: keyPem, rejectUnauthorized: false, maxSessionMemory: 1_000 };
  return connectHttp2(`https://${host}:${port}`, options).on("error", () => undefined);
}

const within = (report: Suffered, bounds: { readonly megabytes: number; readonly entries: number }): void => {
  expect(report.failures).toEqual([]);
  expect(report.heartbeats).toBeGreaterThan(1);
  expect(report.writes).toBeGreaterThan(0);
  expect(report.slowestHeartbeat).toBeLessThan(seconds(10));
  expect(report.memoryGrown).toBeLessThan(bounds.megabytes * megabyte);
  expect(report.raftGrown).toBeLessThan(bounds.entries);
  expect(report.logGrown).toBeLessThan(2 * megabyte);
};

test("messages of the largest size that never end, on all connections and streams a worker can get", async () => {
  const evil = await admitted();
  const head = Buffer.from([0, 0, 0x40, 0, 0]);
  const report = await suffered(async () => {
    const sessions = Array.from({ length: 12 }, () => hostileSession(evil));
    for (const session of sessions) {
      for (let count = 0; count < 60; count += 1) {
        const path = "/docker.swarmkit.v1.Dispatcher/UpdateTaskStatus";
        const headers = { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" };
        const stream = session.request(headers).on("error", () => undefined);
        stream.resume();
        stream.write(head);
        stream.write(Buffer.alloc(megabyte));
      }
    }
    await clock.sleep(seconds(4));
    for (const session of sessions) session.destroy();
  });
  // Mostly what is thrown away faster than the collector runs: 720 MiB arrive within a second or two.
  within(report, { megabytes: 500, entries: 30 });
});

test("a thousand sessions and streams of one worker", async () => {
  const evil = await admitted();
  const report = await suffered(async () => {
    const mine = Array.from({ length: 8 }, () => dial(evil));
    const over = new AbortController();
    const streams = Array.from({ length: 1_000 }, async (_unused: unknown, index: number) => {
      const dispatcher = mine[index % mine.length]?.client("docker.swarmkit.v1.Dispatcher");
      const open = dispatcher?.Session({ description: { hostname: "evil" } }, { signal: over.signal });
      for await (const { sessionId = "" } of open ?? []) {
        const assignments = dispatcher?.Assignments({ sessionId }, { signal: over.signal });
        for await (const _message of assignments ?? []) break;
      }
    });
    const ended = Promise.allSettled(streams);
    await clock.sleep(seconds(4));
    over.abort();
    await ended;
    for (const channel of mine) channel.close();
  });
  within(report, { megabytes: 200, entries: 60 });
});

test("calls as fast as one worker can, and faster than is good for others", async () => {
  const evil = await admitted();
  const outcomes = new Map<string, number>();
  const begun = clock.monotonic();
  const report = await suffered(async () => {
    const flood = async (channel: Channel): Promise<void> => {
      const dispatcher = channel.client("docker.swarmkit.v1.Dispatcher");
      const nodeCa = channel.client("docker.swarmkit.v1.NodeCA");
      while (clock.monotonic() - begun < seconds(5)) {
        const calls = [
          dispatcher.Heartbeat({ sessionId: "mine" }, inTime),
          dispatcher.UpdateTaskStatus({ sessionId: "mine" }, inTime),
          nodeCa.IssueNodeCertificate({}, inTime),
          channel.client("docker.swarmkit.v1.Control").ListSecrets({}, inTime),
        ];
        for (const code of await Promise.all(calls.map(codeOf))) outcomes.set(code, (outcomes.get(code) ?? 0) + 1);
      }
    };
    const mine = Array.from({ length: 8 }, () => dial(evil));
    await Promise.all(mine.flatMap((channel) => Array.from({ length: 10 }, () => flood(channel))));
    for (const channel of mine) channel.close();
  });
  console.log(`[attack] ${JSON.stringify(Object.fromEntries(outcomes))}`);
  const all = [...outcomes.values()].reduce((sum, count) => sum + count, 0);
  const { capacity, interval } = defaultLimits.workerCalls;
  const most = capacity + (clock.monotonic() - begun) / interval;
  expect(all - (outcomes.get("RESOURCE_EXHAUSTED") ?? 0)).toBeLessThanOrEqual(most);
  within(report, { megabytes: 250, entries: 30 });
});

test("messages of two million empty objects, in unary calls and in streams", async () => {
  const evil = await admitted();
  const outcomes = new Map<string, number>();
  const report = await suffered(async () => {
    const end = clock.monotonic() + seconds(4);
    const updates = Buffer.alloc(4_000_000, Buffer.from([0x1a, 0]));
    const lines = Buffer.alloc(4_000_000, Buffer.from([0x12, 0]));
    async function* inStream(): AsyncGenerator<Buffer> {
      while (clock.monotonic() < end) yield lines;
    }
    const mine = Array.from({ length: 4 }, () => dial(evil));
    await Promise.all(
      mine.map(async ({ bytes }) => {
        while (clock.monotonic() < end) {
          for (const call of [
            bytes.unary("/docker.swarmkit.v1.Dispatcher/UpdateTaskStatus", updates, {}),
            bytes.clientStream("/docker.swarmkit.v1.LogBroker/PublishLogs", inStream(), {}),
          ]) {
            const code = await codeOf(call);
            outcomes.set(code, (outcomes.get(code) ?? 0) + 1);
          }
        }
      }),
    );
    for (const channel of mine) channel.close();
  });
  expect([...outcomes.keys()]).toEqual(["RESOURCE_EXHAUSTED"]);
  within(report, { megabytes: 400, entries: 30 });
});

test("coming, going, and ever new descriptions and reports, as fast as one worker can", async () => {
  const evil = await admitted();
  const report = await suffered(async () => {
    const channel = dial(evil);
    const dispatcher = channel.client("docker.swarmkit.v1.Dispatcher");
    const end = clock.monotonic() + seconds(5);
    for (let count = 0; clock.monotonic() < end; count += 1) {
      const description = { hostname: `evil-${count}-${"x".repeat(100_000)}` };
      const over = new AbortController();
      const open = dispatcher.Session({ description }, { signal: over.signal })[Symbol.asyncIterator]();
      const sessionId = await open.next().then(
        ({ value }) => value?.sessionId ?? "",
        () => "",
      );
      await codeOf(channel.client("mswarm.v1.Peer").AnnounceLeave({ sessionId }, inTime));
      over.abort();
    }
    channel.close();
  });
  // Ten at once and one every two seconds, each with its DOWN.
  within(report, { megabytes: 200, entries: 60 });
});

const repeated = (bytes: Buffer, count: number): Buffer => Buffer.concat(Array.from({ length: count }, () => bytes));

const floods: readonly [string, (round: number) => Buffer][] = [
  ["settings", () => repeated(frame(frameType.settings, 0, 0, Buffer.from([0, 4, 0x7f, 0xff, 0xff, 0xff])), 1_000)],
  ["pings", () => repeated(frame(frameType.ping, 0, 0, Buffer.alloc(8)), 1_000)],
  ["window updates", () => repeated(frame(frameType.windowUpdate, 0, 0, Buffer.from([0, 0, 0, 1])), 1_000)],
  [
    "requests that are reset at once",
    (round) =>
      Buffer.concat(
        Array.from({ length: 100 }, (_unused, index) => {
          const id = (round * 100 + index) * 2 + 1;
          const path = "/docker.swarmkit.v1.Dispatcher/Heartbeat";
          return Buffer.concat([
            frame(frameType.headers, 0x4, id, headerBlock(path)),
            frame(frameType.reset, 0, id, Buffer.from([0, 0, 0, 8])),
          ]);
        }),
      ),
  ],
  [
    "continuation frames",
    (round) =>
      Buffer.concat([
        round === 0
          ? frame(frameType.headers, 0, 1, headerBlock("/docker.swarmkit.v1.Dispatcher/Heartbeat"))
          : Buffer.alloc(0),
        repeated(frame(frameType.continuation, 0, 1, Buffer.from("\0\x04junk\x04junk", "latin1")), 500),
      ]),
  ],
];

test.each(floods)("a worker's flood of %s on all its connections", async (_name, chunk) => {
  const evil = await admitted();
  const report = await suffered(async () => {
    const end = clock.monotonic() + seconds(3);
    const attackers = Array.from({ length: 10 }, async () => {
      // It comes again when it is thrown out.
      while (clock.monotonic() < end) {
        const connection = await rawConnect(addressOf(), evil);
        let isOpen = await connection.write(preface);
        for (let round = 0; isOpen && clock.monotonic() < end; round += 1)
          isOpen = await connection.write(chunk(round));
        connection.socket.destroy();
      }
    });
    await Promise.all(attackers);
  });
  within(report, { megabytes: 250, entries: 30 });
});

test("a leaked worker token in a loop: so many at once, so many per second, and no more", async () => {
  const { csrPem } = await createCertificateRequest({ crypto: globalThis.crypto });
  const outcomes = new Map<string, number>();
  const before = (await cluster.nodes()).length;
  const begun = clock.monotonic();
  const report = await suffered(async () => {
    const nodeCas = Array.from({ length: 10 }, () => dial(undefined).client("docker.swarmkit.v1.NodeCA"));
    const guess = async (nodeCa: (typeof nodeCas)[number]): Promise<void> => {
      while (clock.monotonic() - begun < seconds(6)) {
        const code = await codeOf(
          nodeCa.IssueNodeCertificate({ csr: Buffer.from(csrPem), token: joinToken }, { timeout: seconds(15) }),
        );
        outcomes.set(code, (outcomes.get(code) ?? 0) + 1);
      }
    };
    await Promise.all(nodeCas.flatMap((nodeCa) => [guess(nodeCa), guess(nodeCa), guess(nodeCa)]));
  });
  const most = 500 + ((clock.monotonic() - begun) / 1_000) * 50;
  expect((await cluster.nodes()).length - before).toBeLessThan(most + 5);
  expect([...outcomes.keys()].filter((code) => code !== "OK" && code !== "RESOURCE_EXHAUSTED")).toEqual([]);
  // A record, its certificate, and no more.
  within(report, { megabytes: 250, entries: 2 * most + 50 });
});

test("another user of the machine can open neither socket, nor read the state", async () => {
  // The folders of tests are private; those of a daemon are not.
  for (let folder = dirname(manager.controlPath); folder !== tmpdir() && folder !== "/"; folder = dirname(folder)) {
    await chmod(folder, 0o755);
  }
  const asUser = async (group: string, command: readonly string[]): Promise<string> =>
    await run("setpriv", ["--reuid=65534", `--regid=${group}`, "--clear-groups", ...command], { timeout: 10_000 }).then(
      () => "allowed",
      ({ stderr }: { stderr: string }) => stderr,
    );
  const reach = (path: string): readonly string[] => ["openssl", "s_client", "-quiet", "-no_ign_eof", "-unix", path];
  const api = join(dirname(manager.controlPath), "docker.sock");
  for (const path of [manager.controlPath, api]) {
    expect((await stat(path)).mode & 0o777).toBe(0o660);
    expect(await asUser("65534", reach(path))).toMatch(/Permission denied/);
  }
  // Whoever is in the group may.
  expect(await asUser("0", reach(manager.controlPath))).not.toMatch(/Permission denied/);
  expect(await asUser("65534", ["ls", manager.stateDirectory])).toMatch(/Permission denied/);
  for (const file of ["certificates/swarm-node.key", "daemon.json"]) {
    expect((await stat(join(manager.stateDirectory, file))).mode & 0o077, file).toBe(0);
  }
});
