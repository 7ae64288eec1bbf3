import { AsyncQueue, silentLogger, systemClock } from "@mswarm/runtime";
import type { WatchMessage } from "@mswarm/wire";
import { afterEach, expect, test } from "vitest";
import type { FaceContext } from "../routing/face-context.ts";
import type { RawConnection } from "../testing/raw-connection.ts";
import { aloneState, soon, startTestFace, type TestFace } from "../testing/test-face.ts";
import { eventRoutes } from "./event-routes.ts";
import { SwarmEvents } from "./swarm-events.ts";

const head = "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nServer: Docker/20 (linux)\r\n";
const streams: RawConnection[] = [];
let swarm: SwarmEvents | undefined;
afterEach(async () => {
  streams.length = 0;
  await swarm?.close();
});

/** Answers `/version`, and begins the stream of `/events`. */
function engine(connection: RawConnection): void {
  connection.socket.once("data", (bytes: Buffer) => {
    if (bytes.toString().includes(" /version")) connection.send(`${head}Content-Length: 2\r\n\r\n{}`);
    else {
      streams.push(connection);
      connection.send(`${head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`);
    }
  });
}

interface Watched {
  readonly face: TestFace;
  create(name: string, second: number): void;
}

/** A face on a manager whose store the test plays. */
async function startManager(): Promise<Watched> {
  const changes = new AsyncQueue<WatchMessage>(100);
  const context: Pick<FaceContext, "nodeState" | "watch"> = {
    nodeState: () => ({ ...aloneState, kind: "active", isManager: true }),
    watch: async () => ({ Watch: (_request, options = {}) => untilAborted(changes, options.signal) }),
  };
  const events = new SwarmEvents({ context, clock: systemClock(), log: silentLogger() });
  events.start();
  swarm = events;
  return {
    face: await startTestFace(eventRoutes(events), { context, engine }),
    create: (name, second) => {
      const meta = { createdAt: { seconds: String(second) } };
      const secret = { id: `id-${name}`, meta, spec: { annotations: { name } } };
      changes.push({ events: [{ action: "WATCH_ACTION_CREATE", object: { secret } }] });
    },
  };
}

async function* untilAborted<T>(queue: AsyncQueue<T>, signal: AbortSignal | undefined): AsyncGenerator<T> {
  for (let item = await queue.next(signal); item !== undefined; item = await queue.next(signal)) yield item;
}

async function follow(face: TestFace, query = ""): Promise<RawConnection> {
  const client = await face.connect();
  client.send(`GET /v1.41/events${query} HTTP/1.1\r\nHost: d\r\n\r\n`);
  await soon(() => expect(client.received).toContain("HTTP/1.1 200 OK"));
  return client;
}

const line = (second: number): string => `{"Type":"container","timeNano":${second}000000000}\n`;
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
const order = (client: RawConnection): string[] =>
  [...client.received.matchAll(/"name":"(?<name>[^"]+)"|"Type":"(?<type>container)"/g)].map(
    ({ groups }) => groups?.["name"] ?? groups?.["type"] ?? "",
  );

test("what happens in the swarm and on the engine comes in one stream, whole lines each", async () => {
  const { face, create } = await startManager();
  const client = await follow(face);
  const [first, second] = [line(1).slice(0, 10), line(1).slice(10)];
  streams[0]?.send(chunk(first));
  create("key", 1_700_000_000);
  await soon(() => expect(order(client)).toEqual(["key"]));
  streams[0]?.send(chunk(second));
  await soon(() => expect(order(client)).toEqual(["key", "container"]));
  expect(client.received).toContain(line(1));
});

test("the past is told to those who ask for it, in order of time", async () => {
  const { face, create } = await startManager();
  const witness = await follow(face);
  for (const [index, name] of ["a", "b", "c"].entries()) create(name, 1_700_000_000 + 10 * index);
  await soon(() => expect(order(witness)).toEqual(["a", "b", "c"]));
  const client = await follow(face, "?since=1700000005&until=1700000100");
  streams[1]?.send(chunk(line(1_700_000_015)));
  await soon(() => expect(order(client)).toEqual(["b", "container", "c"]));
  streams[1]?.send("0\r\n\r\n");
  await soon(() => expect(client.received).toMatch(/\r\n0\r\n\r\n$/));
});

test("filters choose by type, action, name and id", async () => {
  const { face, create } = await startManager();
  const filtered = (filters: object): Promise<RawConnection> =>
    follow(face, `?filters=${encodeURIComponent(JSON.stringify(filters))}`);
  const clients = [
    await filtered({ type: { secret: true }, secret: { b: true } }),
    await filtered({ type: ["config"] }),
    await filtered({ event: { create: true }, scope: { swarm: true } }),
  ];
  create("a", 1_700_000_000);
  create("b", 1_700_000_001);
  await soon(() => expect(order(clients[2] ?? expect.fail())).toEqual(["a", "b"]));
  await soon(() => expect(order(clients[0] ?? expect.fail())).toEqual(["b"]));
  expect(order(clients[1] ?? expect.fail())).toEqual([]);
});

test("a client that goes away is forgotten, and the engine's stream with it", async () => {
  const { face } = await startManager();
  const clients = await Promise.all(Array.from({ length: 50 }, () => follow(face)));
  for (const client of clients) client.close();
  await soon(() => expect(face.openEngineConnections()).toBe(0));
});

test("a stream that the engine breaks off does not end as if all were said", async () => {
  const { face } = await startManager();
  const client = await follow(face);
  streams[0]?.close();
  await soon(() => expect(client.hasEnded).toBe(true));
  expect(client.received).not.toMatch(/\r\n0\r\n\r\n$/);
});
