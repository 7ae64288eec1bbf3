import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:tls";
import { seconds } from "@mswarm/runtime";
import { afterEach, expect, test } from "vitest";
import { anyone, bindService, localOnly, TlsMaterial } from "./index.ts";
import {
  createTestAuthority,
  type Loopback,
  type LoopbackOptions,
  startLoopback,
  testManager,
  testWorker,
} from "./testing/index.ts";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Certificates for anyone; the caller's node id is the answer. */
const nodeCa = bindService(
  "docker.swarmkit.v1.NodeCA",
  {
    IssueNodeCertificate: async (_request, call) => ({ nodeId: call.caller.identity?.nodeId ?? "stranger" }),
    NodeCertificateStatus: async () => ({}),
  },
  { IssueNodeCertificate: anyone("test"), NodeCertificateStatus: localOnly("test") },
);

async function start(options: LoopbackOptions): Promise<Loopback> {
  const loopback = await startLoopback(options);
  cleanups.push(() => loopback.close());
  return loopback;
}

test("a certificate of another authority ends the connection", async () => {
  const { channel } = await start({ services: [nodeCa] });
  const other = await createTestAuthority();
  const forged = await channel(undefined, { tls: new TlsMaterial(await other.issue(testManager())) });
  const call = forged.client("docker.swarmkit.v1.NodeCA").IssueNodeCertificate({}, { timeout: seconds(30) });
  await expect(call).rejects.toMatchObject({ code: "UNAVAILABLE" });
});

test("a replaced certificate serves new handshakes while open connections stay", async () => {
  const { channel, tls, authority } = await start({ services: [nodeCa], server: testManager("before") });
  const first = await channel(testWorker());
  await first.client("docker.swarmkit.v1.NodeCA").IssueNodeCertificate({});
  tls.replace(await authority.issue(testManager("after")));
  const second = await channel(testWorker());
  await second.client("docker.swarmkit.v1.NodeCA").IssueNodeCertificate({});
  await first.client("docker.swarmkit.v1.NodeCA").IssueNodeCertificate({});
  expect([first.peer?.nodeId, second.peer?.nodeId]).toEqual(["before", "after"]);
});

test("a client reconnects with the certificate that it has then", async () => {
  const { channel, server, authority } = await start({ services: [nodeCa] });
  const tls = new TlsMaterial(await authority.issue(testWorker("old")));
  const node = await channel(undefined, { tls });
  const client = node.client("docker.swarmkit.v1.NodeCA");
  expect(await client.IssueNodeCertificate({})).toEqual({ nodeId: "old" });
  tls.replace(await authority.issue(testWorker("new")));
  expect(await client.IssueNodeCertificate({})).toEqual({ nodeId: "old" });
  server.disconnect("old");
  await expect
    .poll(() => client.IssueNodeCertificate({}).catch(() => undefined), { timeout: 40_000 })
    .toEqual({ nodeId: "new" });
});

test("no TLS session is ever resumed: a resumed one would present no chain", async () => {
  const { address, authority } = await start({ services: [nodeCa] });
  const { certificatePem: cert, keyPem: key } = await authority.issue(testWorker());
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    const dial = (session?: Buffer): Promise<{ resumed: boolean; session: Buffer | undefined }> =>
      new Promise((resolve, reject) => {
        let latest: Buffer | undefined;
        const socket = connect({
          ...address,
          cert,
          key,
          maxVersion,
          rejectUnauthorized: false,
          ALPNProtocols: ["h2"],
          ...(session === undefined ? {} : { session }),
        });
        socket.on("session", (ticket) => {
          latest = ticket;
        });
        socket.on("error", reject);
        socket.once("data", () => {
          resolve({ resumed: socket.isSessionReused(), session: latest ?? socket.getSession() });
          socket.destroy();
        });
      });
    const { session } = await dial();
    expect((await dial(session)).resumed).toBe(false);
  }
});

test("peers older than TLS 1.2 are refused", async () => {
  const { address } = await start({ services: [nodeCa] });
  const refused = new Promise((resolve) => {
    const options = { ...address, maxVersion: "TLSv1.1", minVersion: "TLSv1", ciphers: "DEFAULT:@SECLEVEL=0" } as const;
    connect({ ...options, rejectUnauthorized: false }).once("error", resolve);
  });
  expect(await refused).toBeInstanceOf(Error);
});

test("a client that offers no ALPN is served", async () => {
  const { address, authority } = await start({ services: [nodeCa] });
  const { certificatePem: cert, keyPem: key } = await authority.issue(testWorker("plain"));
  const socket = connect({ ...address, cert, key, rejectUnauthorized: false });
  await new Promise((resolve) => socket.once("secureConnect", resolve));
  expect(socket.alpnProtocol).toBe(false);
  const session = connectHttp2("https://swarm-manager", { createConnection: () => socket });
  const stream = session.request({
    ":method": "POST",
    ":path": "/docker.swarmkit.v1.NodeCA/IssueNodeCertificate",
    "content-type": "application/grpc",
    te: "trailers",
  });
  const body: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => body.push(chunk));
  stream.end(Buffer.alloc(5));
  await new Promise((resolve) => stream.once("end", resolve));
  expect(Buffer.concat(body).toString("latin1")).toContain("plain");
  session.destroy();
});
