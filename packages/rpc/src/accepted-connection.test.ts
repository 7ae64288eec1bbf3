import { connect } from "node:tls";
import type { Server as GrpcServer } from "@grpc/grpc-js";
import { silentLogger, systemClock } from "@mswarm/runtime";
import { expect, test } from "vitest";
import { AcceptedConnection, type ConnectionParts } from "./accepted-connection.ts";
import { CallBudget } from "./call-budget.ts";
import { AdmittedCalls } from "./call-gate.ts";
import { ConnectionBudget } from "./connection-budget.ts";
import { createGrpcServer } from "./grpc-server.ts";
import { defaultLimits } from "./limits.ts";
import { PendingBytes } from "./pending-bytes.ts";
import { createTestAuthority, testManager, testWorker } from "./testing/index.ts";
import { TlsAcceptor } from "./tls-acceptor.ts";
import { TlsMaterial } from "./tls-material.ts";

const kept = (server: GrpcServer, field: string): unknown => {
  const map: unknown = Reflect.get(server, field);
  return map instanceof Map ? map.size : undefined;
};

test("connections that came and went leave nothing behind", async () => {
  const authority = await createTestAuthority();
  const clock = systemClock();
  const log = silentLogger();
  const parts: ConnectionParts = {
    strangers: createGrpcServer([], defaultLimits.strangers),
    workers: createGrpcServer([], defaultLimits.workers),
    managers: createGrpcServer([], defaultLimits.managers),
    policies: new Map(),
    cluster: { clusterId: () => "", isRemoved: () => false, isRaftMember: () => false, isDemoted: () => false },
    admitted: new AdmittedCalls(),
    calls: new CallBudget(defaultLimits.workerCalls, clock, log),
    pending: new PendingBytes(),
    limits: defaultLimits,
    clock,
    log,
  };
  const open = new Set<AcceptedConnection>();
  let released = 0;
  const acceptor = new TlsAcceptor(
    {
      tls: new TlsMaterial(await authority.issue(testManager())),
      verifier: authority.verifier,
      budget: new ConnectionBudget(defaultLimits),
      limits: defaultLimits,
      clock,
      log,
      onConnection: (socket, peer, release) => {
        const connection = new AcceptedConnection(socket, peer, parts, () => {
          release();
          released += 1;
          open.delete(connection);
        });
        open.add(connection);
      },
    },
    false,
  );
  const listener = acceptor.createListener();
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const address = listener.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;

  const { certificatePem: cert, keyPem: key } = await authority.issue(testWorker());
  const patient = { timeout: 40_000, interval: 10 };
  for (const identity of [{}, { cert, key }]) {
    for (let count = 0; count < 20; count += 1) {
      const socket = connect({
        port,
        host: "127.0.0.1",
        rejectUnauthorized: false,
        ALPNProtocols: ["h2"],
        ...identity,
      });
      socket.on("error", () => undefined);
      // The server speaks first: its settings say that gRPC has the connection.
      await new Promise((resolve) => socket.once("data", resolve));
      socket.destroy();
    }
  }
  await expect.poll(() => released, patient).toBe(40);
  expect(open.size).toBe(0);
  for (const server of [parts.strangers, parts.workers]) {
    await expect.poll(() => kept(server, "http2Servers"), patient).toBe(0);
    expect(kept(server, "sessions")).toBe(0);
  }
  acceptor.close();
  await new Promise((resolve) => listener.close(resolve));
});
