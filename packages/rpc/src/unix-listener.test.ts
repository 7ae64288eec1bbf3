import { execFileSync } from "node:child_process";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger, systemClock } from "@mswarm/runtime";
import { afterEach, expect, test } from "vitest";
import {
  anyone,
  type BoundService,
  bindService,
  type Call,
  createRpcServer,
  localOnly,
  openUnixChannel,
  roles,
  TlsMaterial,
} from "./index.ts";
import { createTestAuthority, testManager } from "./testing/index.ts";

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

async function socketPath(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "mswarm-rpc-"));
  cleanups.push(() => rm(directory, { recursive: true }));
  return join(directory, "control.sock");
}

async function unixServer(path: string, services: readonly BoundService[]): Promise<void> {
  const authority = await createTestAuthority();
  const server = createRpcServer({
    tls: new TlsMaterial(await authority.issue(testManager())),
    verifier: authority.verifier,
    services,
    clusterId: () => "",
    isRemoved: () => false,
    clock: systemClock(),
    log: silentLogger(),
  });
  cleanups.push(() => server.close());
  await server.listenUnix(path);
}

test("the control socket has mode 0660, asks for no certificate, and admits whoever could open it", async () => {
  const path = await socketPath();
  const callers: Call["caller"][] = [];
  await unixServer(path, [
    bindService(
      "docker.swarmkit.v1.Health",
      {
        Check: async (_request, call) => {
          callers.push(call.caller);
          return { status: "SERVING" };
        },
      },
      { Check: roles("swarm-manager") },
    ),
    nodeCa,
  ]);
  expect((await stat(path)).mode & 0o777).toBe(0o660);
  const channel = openUnixChannel(path);
  await channel.client("docker.swarmkit.v1.Health").Check({});
  expect(callers).toEqual([{ identity: undefined, remoteAddress: "", forwarder: undefined, isLocal: true }]);
  await channel.client("docker.swarmkit.v1.NodeCA").NodeCertificateStatus({});
  channel.close();
});

test("a socket file that a dead process left is replaced, one in use is not", async () => {
  const path = await socketPath();
  const leave =
    "const s=require('net').createServer();s.listen(process.argv[1],()=>process.kill(process.pid,'SIGKILL'))";
  try {
    execFileSync(process.execPath, ["-e", leave, path]);
  } catch {}
  expect((await stat(path)).isSocket()).toBe(true);
  await unixServer(path, [nodeCa]);
  await expect(unixServer(path, [nodeCa])).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
  const channel = openUnixChannel(path);
  expect(await channel.client("docker.swarmkit.v1.NodeCA").IssueNodeCertificate({})).toEqual({ nodeId: "stranger" });
  channel.close();
});
