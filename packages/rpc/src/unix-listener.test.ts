import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, readlink, rm, stat, symlink, writeFile } from "node:fs/promises";
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

test("a file that is no socket is kept, and named", async () => {
  const path = await socketPath();
  await writeFile(path, "notes");
  const link = `${path}.link`;
  await symlink(path, link);
  for (const taken of [path, link]) {
    await expect(unixServer(taken, [nodeCa])).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: `${taken} is there and is not a socket: delete it, or choose another path`,
    });
  }
  expect(await readFile(path, "utf8")).toBe("notes");
  expect(await readlink(link)).toBe(path);
});

test("a socket whose process is too busy to accept more is not taken for a dead one's", async () => {
  const path = await socketPath();
  // Stopped with a queue of one, which two connections fill.
  const script = `const n=require('net');const s=n.createServer();s.listen({path:process.argv[1],backlog:1},()=>{
    for(let i=0;i<2;i++)n.connect(process.argv[1]).on('error',()=>{});
    console.log('full');process.kill(process.pid,'SIGSTOP')})`;
  const busy = spawn(process.execPath, ["-e", script, path], { stdio: ["ignore", "pipe", "ignore"] });
  cleanups.push(async () => void busy.kill("SIGKILL"));
  await once(busy.stdout, "data");
  await expect(unixServer(path, [nodeCa])).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
  expect((await stat(path)).isSocket()).toBe(true);
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
