import { createServer } from "node:net";
import { type Deferred, deferred, notFound, seconds, silentLogger } from "@mswarm/runtime";
import { afterEach, expect, test } from "vitest";
import { anyone, type BoundService, bindService, type Call, localOnly, roles } from "./index.ts";
import { type Loopback, type LoopbackOptions, startLoopback, testManager, testWorker } from "./testing/index.ts";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(options: LoopbackOptions): Promise<Loopback> {
  const loopback = await startLoopback(options);
  cleanups.push(() => loopback.close());
  return loopback;
}

type Answer = (service: string, call: Call) => Promise<"SERVING" | "NOT_SERVING">;

const health = (answer: Answer = async () => "SERVING"): BoundService =>
  bindService(
    "docker.swarmkit.v1.Health",
    { Check: async ({ service = "" }, call) => ({ status: await answer(service, call) }) },
    { Check: roles("swarm-manager", "swarm-worker") },
  );

/** Certificates by anyone; the caller's node id is the answer. */
const nodeCa = bindService(
  "docker.swarmkit.v1.NodeCA",
  {
    IssueNodeCertificate: async (_request, call) => ({ nodeId: call.caller.identity?.nodeId ?? "stranger" }),
    NodeCertificateStatus: async () => ({}),
  },
  { IssueNodeCertificate: anyone("test"), NodeCertificateStatus: localOnly("test") },
);

const waitFor = async (condition: () => boolean): Promise<void> => {
  await expect.poll(condition, { timeout: 40_000, interval: 5 }).toBe(true);
};

test("a handler sees the verified certificate of its connection", async () => {
  const { channel } = await start({ services: [nodeCa] });
  for (const identity of [testWorker("w7"), testManager("m7")]) {
    const client = (await channel(identity)).client("docker.swarmkit.v1.NodeCA");
    expect(await client.IssueNodeCertificate({})).toEqual({ nodeId: identity.nodeId });
  }
});

test("many connections at once never see each other's identity", async () => {
  const { channel } = await start({ services: [nodeCa] });
  const names = Array.from({ length: 20 }, (_, index) => `node${index}`);
  const clients = await Promise.all(
    names.map(async (name) => (await channel(testWorker(name))).client("docker.swarmkit.v1.NodeCA")),
  );
  const answers = await Promise.all(
    clients.flatMap((client) => Array.from({ length: 10 }, () => client.IssueNodeCertificate({}))),
  );
  expect(answers.map((answer) => answer.nodeId)).toEqual(names.flatMap((name) => Array(10).fill(name)));
});

test("a peer without a certificate may call what anyone may call, and nothing else", async () => {
  const { channel } = await start({ services: [nodeCa, health()] });
  const stranger = await channel(undefined);
  expect(await stranger.client("docker.swarmkit.v1.NodeCA").IssueNodeCertificate({})).toEqual({ nodeId: "stranger" });
  await expect(stranger.client("docker.swarmkit.v1.Health").Check({})).rejects.toMatchObject({
    code: "PERMISSION_DENIED",
  });
  await expect(stranger.client("docker.swarmkit.v1.NodeCA").NodeCertificateStatus({})).rejects.toMatchObject({
    code: "PERMISSION_DENIED",
  });
});

test("a method that is not served is UNIMPLEMENTED", async () => {
  const { channel } = await start({ services: [nodeCa] });
  const call = (await channel(testWorker())).client("docker.swarmkit.v1.Health").Check({});
  await expect(call).rejects.toMatchObject({ code: "UNIMPLEMENTED" });
});

test("an expected failure keeps its code and text, whatever characters it has", async () => {
  const text = "service λ/100%\nnot found";
  const { channel } = await start({
    services: [
      health(async () => {
        throw notFound(`${text}\ud800`);
      }),
    ],
  });
  const call = (await channel(testWorker())).client("docker.swarmkit.v1.Health").Check({});
  await expect(call).rejects.toMatchObject({ code: "NOT_FOUND", message: `${text}\ufffd` });
});

test("an unexpected failure tells the caller nothing of its insides, and is logged once", async () => {
  const logged: object[] = [];
  const log = { ...silentLogger(), error: (fields: object) => void logged.push(fields) };
  const { channel } = await start({
    log,
    services: [
      health(async () => {
        throw new TypeError("SWMTKN-1-secret in /var/lib/mswarm");
      }),
    ],
  });
  const call = (await channel(testWorker())).client("docker.swarmkit.v1.Health").Check({});
  await expect(call).rejects.toMatchObject({ code: "INTERNAL", message: expect.not.stringContaining("secret") });
  expect(logged).toHaveLength(1);
});

test("a handler's signal aborts when the client cancels", async () => {
  const started = deferred<Call>();
  const { channel } = await start({
    services: [
      health(async (_service, call) => {
        started.resolve(call);
        return new Promise(() => undefined);
      }),
    ],
  });
  const controller = new AbortController();
  const client = (await channel(testWorker())).client("docker.swarmkit.v1.Health");
  const call = client.Check({}, { signal: controller.signal });
  const { signal } = await started.promise;
  expect(signal.aborted).toBe(false);
  controller.abort();
  await expect(call).rejects.toThrow();
  await waitFor(() => signal.aborted);
  expect(signal.reason).toMatchObject({ code: "CANCELLED" });
});

test("a deadline ends the call on both sides", async () => {
  const started = deferred<Call>();
  const { channel } = await start({
    services: [
      health(async (_service, call) => {
        started.resolve(call);
        return new Promise(() => undefined);
      }),
    ],
  });
  const client = (await channel(testWorker())).client("docker.swarmkit.v1.Health");
  const call = client.Check({}, { timeout: seconds(2) });
  await expect(call).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
  const seen = await started.promise;
  expect(seen.deadline).toBeGreaterThan(0);
  await waitFor(() => seen.signal.aborted);
});

interface EndlessSession {
  readonly service: BoundService;
  readonly returned: Deferred<void>;
  produced(): number;
}

/** A Session that sends as fast as it may. */
function endlessSession(bytes = 1): EndlessSession {
  let produced = 0;
  const returned = deferred();
  const service = bindService(
    "docker.swarmkit.v1.Dispatcher",
    {
      async *Session() {
        try {
          for (;;) {
            produced += 1;
            yield { sessionId: "s".repeat(bytes) };
          }
        } finally {
          returned.resolve();
        }
      },
      Heartbeat: async () => ({}),
      UpdateTaskStatus: async () => ({}),
      UpdateVolumeStatus: async () => ({}),
      async *Tasks() {},
      async *Assignments() {},
    },
    {
      Session: roles("swarm-worker"),
      Heartbeat: roles("swarm-worker"),
      UpdateTaskStatus: roles("swarm-worker"),
      UpdateVolumeStatus: roles("swarm-worker"),
      Tasks: roles("swarm-worker"),
      Assignments: roles("swarm-worker"),
    },
  );
  return { service, returned, produced: () => produced };
}

test("a client that stops reading stops the handler, and leaving the loop returns it", async () => {
  const session = endlessSession(10_000);
  const { channel } = await start({ services: [session.service] });
  const client = (await channel(testWorker())).client("docker.swarmkit.v1.Dispatcher");
  const iterator = client.Session({})[Symbol.asyncIterator]();
  await iterator.next();
  let last = -1;
  await waitFor(() => {
    const still = session.produced() === last;
    last = session.produced();
    return still;
  });
  expect(session.produced()).toBeLessThan(1_000);
  await iterator.return?.();
  await session.returned.promise;
});

test("a removed node's open streams and connections end at once", async () => {
  const session = endlessSession(10_000);
  const { channel, server } = await start({ services: [session.service] });
  const removed = await channel(testWorker("w1"));
  let disconnected = 0;
  removed.onDisconnect(() => {
    disconnected += 1;
  });
  const iterator = removed.client("docker.swarmkit.v1.Dispatcher").Session({})[Symbol.asyncIterator]();
  const other = (await channel(testWorker("w2"))).client("docker.swarmkit.v1.Dispatcher");
  const staying = other.Session({})[Symbol.asyncIterator]();
  await Promise.all([iterator.next(), staying.next()]);
  server.disconnect("w1");
  await waitFor(() => disconnected === 1);
  const drain = async (): Promise<void> => {
    while (!(await iterator.next()).done);
  };
  await expect(drain()).rejects.toMatchObject({ code: expect.stringMatching(/UNAVAILABLE|PERMISSION_DENIED/) });
  expect((await staying.next()).done).toBe(false);
  await staying.return?.();
});

test("requests of a client stream arrive in order, and the answer ends their sending", async () => {
  const received: number[] = [];
  const transport = bindService(
    "mswarm.v1.RaftTransport",
    {
      async Stream(batches) {
        for await (const batch of batches) {
          received.push(batch.messages?.length ?? 0);
          if (received.length === 3) break;
        }
        return {};
      },
    },
    { Stream: roles("swarm-manager") },
  );
  const { channel } = await start({ services: [transport] });
  let left = false;
  async function* batches(): AsyncGenerator<{ messages: object[] }> {
    try {
      for (let count = 0; ; count += 1) yield { messages: Array.from({ length: count }, () => ({})) };
    } finally {
      left = true;
    }
  }
  expect(await (await channel(testManager())).client("mswarm.v1.RaftTransport").Stream(batches())).toEqual({});
  expect(received).toEqual([0, 1, 2]);
  await waitFor(() => left);
});

test("a graceful close lets a call finish, and then the server is gone", async () => {
  const gate = deferred();
  const started = deferred();
  const { channel, server } = await start({
    services: [
      health(async () => {
        started.resolve();
        await gate.promise;
        return "SERVING";
      }),
    ],
  });
  const client = (await channel(testWorker())).client("docker.swarmkit.v1.Health");
  const call = client.Check({});
  await started.promise;
  const closed = server.close(seconds(5));
  gate.resolve();
  expect(await call).toEqual({ status: "SERVING" });
  await closed;
  await expect(client.Check({})).rejects.toMatchObject({ code: "UNAVAILABLE" });
});

test("a TCP port that is taken is UNAVAILABLE and says which", async () => {
  const blocker = createServer();
  await new Promise<void>((resolve) => blocker.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => new Promise((resolve) => blocker.close(() => resolve())));
  const taken = blocker.address();
  const port = typeof taken === "object" && taken !== null ? taken.port : 0;
  const { server } = await start({ services: [nodeCa] });
  await expect(server.listenTcp({ host: "127.0.0.1", port })).rejects.toMatchObject({
    code: "UNAVAILABLE",
    message: expect.stringContaining(`127.0.0.1:${port}`),
  });
});
