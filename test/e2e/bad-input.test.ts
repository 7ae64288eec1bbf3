// What a user gets wrong ends in a sentence that helps, and leaves nothing half done: the right input works afterwards.
import { readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { isSwarmError, messageOf, seconds, systemClock } from "@mswarm/runtime";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { DaemonProcess } from "../support/daemon-process.ts";
import { type DockerEngine, startDockerEngine } from "../support/docker-engine.ts";
import { callLimit, eventually } from "../support/eventually.ts";
import { TestCluster } from "../support/test-cluster.ts";

const clock = systemClock();
const inTime = { timeout: callLimit };

let docker: DockerEngine;
let cluster: TestCluster;
let other: TestCluster;
/** A daemon in no cluster, the subject of most tests. */
let node: DaemonProcess;
const occupants: Server[] = [];

beforeAll(async () => {
  docker = await startDockerEngine();
  cluster = await TestCluster.start({ engine: docker.address, managers: 1, workers: 0 });
  other = await TestCluster.start({ engine: docker.address, managers: 1, workers: 0 });
  node = cluster.add("n1");
  await node.start();
});
// A test that fails leaves neither its listeners nor the node's membership to the next one.
afterEach(async () => {
  for (const occupant of occupants.splice(0)) await closed(occupant);
  if (!node.isRunning) await node.start();
  const { state = "INACTIVE", nodeId = "" } = await node.status();
  if (state === "INACTIVE") return;
  await node.daemon.Leave({ force: true }, inTime);
  await (await cluster.control()).RemoveNode({ nodeId, force: true }, inTime).catch(messageOf);
});
afterAll(async () => {
  await cluster?.stop();
  await other?.stop();
  await docker?.stop();
});

const managerAddress = (): string => cluster.daemon("m1").managerAddress;

/** `CODE: sentence` of a call that has to fail. */
async function failure(call: Promise<unknown>): Promise<string> {
  try {
    return `no failure: ${JSON.stringify(await call).slice(0, 200)}`;
  } catch (error) {
    return isSwarmError(error) ? `${error.code}: ${error.message}` : String(error);
  }
}

/** The node belongs to nothing and keeps nothing. */
async function isUntouched(daemon: DaemonProcess): Promise<void> {
  const status = await daemon.status();
  expect(status.state ?? "INACTIVE").toBe("INACTIVE");
  expect(status.error ?? "").toBe("");
  expect(await readdir(daemon.stateDirectory)).toEqual([]);
}

/** Joins as it should have been, checks that the node works, and leaves again without a trace. */
async function joinsNow(daemon: DaemonProcess, kind: "worker" | "manager" = "worker"): Promise<void> {
  const { [kind]: token = "" } = await cluster.joinTokens();
  const { nodeId = "" } = await daemon.join(token, [managerAddress()]);
  await eventually(async () => {
    const found = await (await cluster.control()).GetNode({ nodeId }, inTime);
    expect(found.node?.status?.state).toBe("READY");
  });
  await forget(daemon);
}

/** Out of the cluster, by the book: demoted, left, removed. */
async function forget(daemon: DaemonProcess): Promise<void> {
  const { nodeId = "", isManager } = await daemon.status();
  if (isManager === true) {
    await cluster.updateNode(daemon.name, (spec) => ({ ...spec, desiredRole: "WORKER" }));
    await eventually(async () => expect((await daemon.status()).isManager ?? false).toBe(false));
  }
  await daemon.daemon.Leave({}, inTime);
  const control = await cluster.control();
  await eventually(() => control.RemoveNode({ nodeId }, inTime));
  await isUntouched(daemon);
}

async function firstManagerLeads(): Promise<void> {
  await eventually(async () => expect((await cluster.daemon("m1").status()).raft?.role).toBe("leader"));
}

async function nodeCount(): Promise<number> {
  return (await cluster.nodes()).length;
}

test("a malformed token is refused without asking anybody", async () => {
  const missing = "INVALID_ARGUMENT: A valid join token is necessary to join this cluster";
  expect(await failure(node.join("", [managerAddress()]))).toBe(missing);
  for (const token of ["SWMTKN-1-abc", "not a token", `SWMTKN-2-${"0".repeat(50)}-${"0".repeat(25)}`]) {
    expect(await failure(node.join(token, [managerAddress()]))).toBe("INVALID_ARGUMENT: invalid join token");
  }
  await isUntouched(node);
});

test("a token with the right cluster and a wrong secret is refused, and no node appears", async () => {
  const before = await nodeCount();
  const { worker = "" } = await cluster.joinTokens();
  const wrong = worker.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
  const message = await failure(node.join(wrong, [managerAddress()]));
  expect(message).toContain("A valid join token is necessary to join this cluster");
  expect(message).not.toContain(wrong.slice(-20));
  await isUntouched(node);
  expect(await nodeCount()).toBe(before);
  await joinsNow(node);
});

test("a token that was replaced is refused, its successor is taken", async () => {
  const { worker = "" } = await cluster.joinTokens();
  await cluster.updateCluster((spec) => spec, { workerJoinToken: true });
  expect(await failure(node.join(worker, [managerAddress()]))).toContain("A valid join token is necessary");
  await isUntouched(node);
  await joinsNow(node);
});

test("the manager of another cluster is unmasked by the token, before it learns the token", async () => {
  const { worker = "" } = await cluster.joinTokens();
  const message = await failure(node.join(worker, [other.daemon("m1").managerAddress]));
  expect(message).toMatch(/^INVALID_ARGUMENT: remote CA does not match fingerprint/);
  await isUntouched(node);
  expect(await other.nodes()).toHaveLength(1);
  await joinsNow(node);
});

test("a manager that cannot be reached is named, within the time that docker waits", async () => {
  const { worker = "" } = await cluster.joinTokens();
  const nobody = cluster.add("nobody").managerAddress;
  const start = clock.monotonic();
  const message = await failure(node.join(worker, [nobody]));
  expect(clock.monotonic() - start).toBeLessThan(seconds(60));
  expect(message).toMatch(/^UNAVAILABLE: /);
  expect(message).toContain(nobody);
  await isUntouched(node);
  await joinsNow(node);
});

test("addresses that are none are refused", async () => {
  const { worker = "" } = await cluster.joinTokens();
  expect(await failure(node.join(worker, []))).toBe("INVALID_ARGUMENT: at least 1 RemoteAddr is required to join");
  expect(await failure(node.join(worker, ["a:b:c"]))).toMatch(/^INVALID_ARGUMENT: invalid address "a:b:c"/);
  const init = (listenAddr: string, advertiseAddr: string): Promise<unknown> =>
    node.daemon.Init({ listenAddr, advertiseAddr }, inTime);
  expect(await failure(init("nonsense", ""))).toContain("listen address must be an IP address or network interface");
  expect(await failure(init("127.0.0.1", "0.0.0.0"))).toContain("advertise address must be a non-zero IP address");
  await isUntouched(node);
});

test("an address that is in use is named, for a first manager and for one that joins", async () => {
  const occupant = await listenOn(node.address, node.port);
  expect(await failure(node.init())).toContain(node.managerAddress);
  await isUntouched(node);
  const { manager = "" } = await cluster.joinTokens();
  expect(await failure(node.join(manager, [managerAddress()]))).toContain(node.managerAddress);
  await isUntouched(node);
  await closed(occupant);
  await joinsNow(node, "manager");
  await firstManagerLeads();
});

test("a manager that the others cannot reach is not admitted, and is told why", async () => {
  const { manager = "" } = await cluster.joinTokens();
  const advertiseAddr = cluster.add("elsewhere").managerAddress;
  const request = {
    listenAddr: node.managerAddress,
    advertiseAddr,
    joinToken: manager,
    remoteAddrs: [managerAddress()],
  };
  const message = await failure(node.daemon.Join(request, { timeout: seconds(120) }));
  expect(message).toContain("could not connect to prospective new cluster member using its advertised address");
  await isUntouched(node);
  await firstManagerLeads();
  await joinsNow(node, "manager");
});

test("a manager whose address is taken at its restart says so, and goes on when the address is free", async () => {
  const { manager = "" } = await cluster.joinTokens();
  const before = await node.join(manager, [managerAddress()]);
  await node.stop();
  const occupant = await listenOn(node.address, node.port);
  await node.start();
  await eventually(async () => {
    const { state, error } = await node.status();
    expect(state).toBe("ERROR");
    expect(error).toContain(node.managerAddress);
  });
  await closed(occupant);
  await eventually(async () => {
    expect(await node.status()).toMatchObject({ state: "ACTIVE", nodeId: before.nodeId, isManager: true });
  });
  await eventually(async () => expect((await cluster.node("n1")).managerStatus?.reachability).toBe("REACHABLE"));
  await forget(node);
});

test("a node whose start fails again and again can still leave", async () => {
  await node.init();
  await node.stop();
  const occupant = await listenOn(node.address, node.port);
  await node.start();
  await eventually(async () => expect((await node.status()).state).toBe("ERROR"));
  expect(await failure(node.daemon.Leave({}, inTime))).toContain("participating as a manager");
  await node.daemon.Leave({ force: true }, inTime);
  await isUntouched(node);
  await closed(occupant);
});

test("a node in a cluster is not taken into another, and one in none has nothing to show", async () => {
  const alreadyPart = "This node is already part of a swarm";
  const manager = cluster.daemon("m1");
  const { worker = "" } = await other.joinTokens();
  expect(await failure(manager.init())).toContain(alreadyPart);
  expect(await failure(manager.join(worker, [other.daemon("m1").managerAddress]))).toContain(alreadyPart);
  await firstManagerLeads();
  expect(await failure(node.control.ListNodes({}, inTime))).toContain("This node is not a swarm manager");
  expect(await failure(node.daemon.Leave({}, inTime))).toContain("This node is not part of a swarm");
  expect(await failure(manager.daemon.Leave({}, inTime))).toContain(
    "Removing the last manager erases all current state",
  );
});

test("a second daemon on the same state directory is refused, and the first does not notice", async () => {
  const manager = cluster.daemon("m1");
  const second = cluster.add("second", { stateDirectory: manager.stateDirectory });
  await second.spawn();
  await second.exited();
  expect(second.exit).toBe(1);
  expect(await second.lastLines()).toContain("another mswarm daemon uses the state directory");
  expect(await manager.status()).toMatchObject({ state: "ACTIVE" });
  await firstManagerLeads();
});

test("a state directory that cannot be one is named", async () => {
  const file = join(await cluster.ownFolder("files"), "file");
  await writeFile(file, "");
  const lost = cluster.add("lost", { stateDirectory: join(file, "state") });
  await lost.spawn();
  await lost.exited();
  expect(lost.exit).toBe(1);
  expect(await lost.lastLines()).toContain(`the state directory ${lost.stateDirectory} cannot be used`);
  expect(await lost.lastLines()).toContain("--state-dir");
});

test("damaged identity files stop the start with their name, and the undamaged ones go on where they were", async () => {
  const { worker = "" } = await cluster.joinTokens();
  const { nodeId = "" } = await node.join(worker, [managerAddress()]);
  await node.stop();
  const damages: readonly (readonly [string, (content: string) => string])[] = [
    ["certificates/swarm-node.key", (content) => content.replace(/[A-Z]{3}[^-]/, "AAAA").slice(0, -60)],
    ["certificates/swarm-node.key", () => ""],
    ["certificates/swarm-node.crt", () => "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"],
    ["certificates/swarm-root-ca.crt", () => "nonsense"],
    ["daemon.json", (content) => content.slice(1)],
    ["state.json", (content) => content.slice(1)],
  ];
  for (const [name, damage] of damages) {
    const path = join(node.stateDirectory, name);
    const content = await readFile(path, "utf8");
    await writeFile(path, damage(content));
    await node.spawn();
    await eventually(async () => {
      // Either it does not start, or it says what is wrong when asked.
      const said = node.isRunning ? ((await node.status()).error ?? "") : await node.lastLines(5);
      expect(said, name).toMatch(/damaged|belongs to the node's key|no certificate|not a certificate/);
      expect(said, name).not.toMatch(/PRIVATE KEY|at .*\.(ts|js):\d/);
    });
    await node.stop();
    await writeFile(path, content);
  }
  await node.start();
  await eventually(async () => {
    expect(await node.status()).toMatchObject({ state: "ACTIVE", nodeId });
    expect((await cluster.node("n1")).status?.state).toBe("READY");
  });
  await forget(node);
});

test("without an engine a node is neither made nor joined, and is when the engine is there", async () => {
  const folder = await cluster.ownFolder("engine");
  const socket = join(folder, "docker.sock");
  const poor = cluster.add("poor", { engine: `unix://${socket}` });
  await poor.start();
  expect((await poor.status()).engineReachable ?? false).toBe(false);
  const { worker = "" } = await cluster.joinTokens();
  const sentence = `FAILED_PRECONDITION: no Docker Engine answers at unix://${socket}`;
  expect(await failure(poor.init())).toContain(sentence);
  expect(await failure(poor.join(worker, [managerAddress()]))).toContain(sentence);
  await isUntouched(poor);
  await symlink(docker.address.slice("unix://".length), socket);
  await joinsNow(poor);
  await rm(folder, { recursive: true });
});

test("flags that cannot be are refused", async () => {
  const long = cluster.add("long", { folder: join(cluster.folder, "x".repeat(120)) });
  await long.spawn();
  await long.exited();
  expect(long.exit).not.toBe(0);
  expect(await long.lastLines()).toContain("a socket path has at most 107 bytes");
});

async function listenOn(host: string, port: number): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen({ host, port }, resolve));
  occupants.push(server);
  return server;
}

async function closed(server: Server): Promise<void> {
  await new Promise<void>((resolve) => server.close(() => resolve()));
}
