import { seconds } from "@mswarm/runtime";
import { SimulatedClock } from "@mswarm/runtime/simulated";
import { expect, test } from "vitest";
import type { RawConnection } from "../testing/raw-connection.ts";
import { aloneState, soon, startTestFace } from "../testing/test-face.ts";
import { pingRoutes, swarmStatus } from "./ping-routes.ts";

const engineOf =
  (version: string) =>
  ({ socket }: RawConnection): void => {
    const head = `HTTP/1.1 200 OK\r\nApi-Version: ${version}\r\nBuilder-Version: 2\r\nSwarm: inactive\r\nServer: Docker/x (linux)`;
    socket.once("data", () => socket.end(`${head}\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nOK`));
  };

async function ping(version: string): Promise<string> {
  const context = { nodeState: () => ({ ...aloneState, kind: "active", isManager: true }) as const };
  const face = await startTestFace(pingRoutes, { engine: engineOf(version), context });
  const client = await face.connect();
  client.send("GET /_ping HTTP/1.1", "Host: d", "", "");
  return await soon(() => {
    expect(client.received).toMatch(/\r\n\r\nOK$/);
    return client.received;
  });
}

test("the engine's ping comes through, and new engines' with this node's part in a swarm", async () => {
  const received = await ping("1.44");
  expect(received).toContain("Api-Version: 1.44\r\n");
  expect(received).toContain("Builder-Version: 2\r\n");
  expect(received).toContain("Swarm: active/manager\r\n");
  expect(received).not.toContain("Swarm: inactive");
});

test("an engine from before that header gets none", async () => {
  expect(await ping("1.41")).not.toContain("active/manager");
});

test("the header has a word for every state", () => {
  expect(swarmStatus(aloneState)).toBe("inactive");
  expect(swarmStatus({ ...aloneState, kind: "locked" })).toBe("locked");
  expect(swarmStatus({ ...aloneState, kind: "active" })).toBe("active/worker");
});

test("without an engine a ping fails, but still says which version to speak", async () => {
  const face = await startTestFace(pingRoutes, { engine: (connection) => connection.close() });
  const client = await face.connect();
  client.send("HEAD /_ping HTTP/1.1", "Host: d", "", "");
  await soon(() => expect(client.received).toMatch(/^HTTP\/1.1 503 .*\r\nApi-Version: 1.41\r\n/s));
});

test("an engine that hangs makes nobody hang", async () => {
  const clock = new SimulatedClock();
  const face = await startTestFace(pingRoutes, { engine: () => undefined, context: { clock } });
  const client = await face.connect();
  client.send("GET /_ping HTTP/1.1", "Host: d", "", "");
  // The version is asked for first, then the ping: each has its time.
  for (const [index, path] of ["/version", "/_ping"].entries()) {
    await face.engineReceives(path, index);
    await clock.advance(seconds(3));
  }
  await soon(() => expect(client.received).toMatch(/^HTTP\/1.1 503 .*has not answered within 3 seconds/s));
  await soon(() => expect(face.openEngineConnections()).toBe(0));
});
