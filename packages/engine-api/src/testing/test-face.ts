// A face on a real socket, before an engine that the test plays itself.

import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { milliseconds, silentLogger, systemClock, unimplemented } from "@mswarm/runtime";
import { afterEach, expect, vi } from "vitest";
import { serviceUnavailable } from "../errors/http-error.ts";
import type { FaceContext, NodeState } from "../routing/face-context.ts";
import type { Route } from "../routing/route.ts";
import { EngineApiServer } from "../server/engine-api-server.ts";
import { RawConnection } from "./raw-connection.ts";

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export const aloneState: NodeState = {
  kind: "inactive",
  error: "",
  nodeId: "",
  clusterId: "",
  nodeAddress: "",
  isManager: false,
  remoteManagers: [],
};

const notManager = (): Promise<never> => Promise.reject(serviceUnavailable("This node is not a swarm manager."));

/** What handlers get, where a test says nothing else. */
export function testContext(change: Partial<FaceContext> = {}): Omit<FaceContext, "engine"> {
  const refuse = (): Promise<never> => Promise.reject(unimplemented("not in this test"));
  return {
    clock: systemClock(),
    log: silentLogger(),
    started: () => Promise.resolve(),
    nodeState: () => aloneState,
    control: notManager,
    logs: notManager,
    watch: notManager,
    daemon: { Init: refuse, Join: refuse, Leave: refuse, Unlock: refuse, Status: refuse },
    ...change,
  };
}

export interface TestFace {
  /** Of the face. */
  readonly path: string;
  /** Connections that the face has opened to the engine, in order. */
  readonly engineConnections: readonly RawConnection[];
  /** How many of them the face has not closed. */
  openEngineConnections(): number;
  connect(): Promise<RawConnection>;
  /** The engine's side of the next connection, when it has received `text`. */
  engineReceives(text: string, index?: number): Promise<RawConnection>;
}

/** @param engine  what the engine does with a connection; a test may also play it by `engineReceives` */
export async function startTestFace(
  routes: readonly Route[] = [],
  options: { readonly context?: Partial<FaceContext>; readonly engine?: (connection: RawConnection) => void } = {},
): Promise<TestFace> {
  const folder = await mkdtemp("/tmp/mf-");
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  const enginePath = join(folder, "e.sock");
  const path = join(folder, "f.sock");
  const engineConnections: RawConnection[] = [];
  const engine: Server = createServer({ allowHalfOpen: true }, (socket) => {
    const connection = RawConnection.of(socket);
    engineConnections.push(connection);
    options.engine?.(connection);
  });
  await new Promise<void>((resolve) => engine.listen(enginePath, resolve));
  const { clock, log } = testContext();
  const context = testContext(options.context);
  const face = new EngineApiServer({ routes, enginePath, context, clock, log });
  await face.listen(path);
  const clients: RawConnection[] = [];
  cleanups.push(async () => {
    for (const connection of [...clients, ...engineConnections]) connection.close();
    await face.close(milliseconds(0));
    await new Promise<void>((resolve) => engine.close(() => resolve()));
  });
  return {
    path,
    engineConnections,
    openEngineConnections: () => engineConnections.filter(({ hasEnded }) => !hasEnded).length,
    connect: async () => {
      const connection = await RawConnection.open(path);
      clients.push(connection);
      return connection;
    },
    engineReceives: async (text, index = 0) => {
      return await soon(() => {
        const connection = engineConnections[index];
        expect(connection?.received).toContain(text);
        return connection ?? expect.fail("no connection");
      });
    },
  };
}

/** Waits until `look` holds. */
export async function soon<R>(look: () => R): Promise<R> {
  return await vi.waitFor(look, { timeout: 5_000, interval: 5 });
}

/** The body of the answer to one request, such as `GET /v1.41/info`. */
export async function bodyOf(face: TestFace, request: string, body = ""): Promise<string> {
  const client = await face.connect();
  client.send(
    `${request} HTTP/1.1`,
    "Host: d",
    "Connection: close",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "",
    body,
  );
  await soon(() => expect(client.hasEnded).toBe(true));
  return client.received.slice(client.received.indexOf("\r\n\r\n") + 4);
}
