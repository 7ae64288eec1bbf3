// Docker's face on every kind of node, by the stock command line: leader, follower, worker, without an engine, restarted.
import { invariant } from "@mswarm/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DaemonProcess } from "../support/daemon-process.ts";
import { type DockerCli, dockerClis } from "../support/docker-cli.ts";
import { type DockerEngine, startDockerEngine } from "../support/docker-engine.ts";
import { eventually } from "../support/eventually.ts";
import { TestCluster } from "../support/test-cluster.ts";

let engine: DockerEngine;
let cluster: TestCluster;
let cli: DockerCli;
let leader: DaemonProcess;
let follower: DaemonProcess;
let worker: DaemonProcess;

beforeAll(async () => {
  const [first] = await dockerClis();
  invariant(first !== undefined, "there is a command line");
  cli = first;
  engine = await startDockerEngine();
  cluster = await TestCluster.create(engine.address);
  [leader, follower, worker] = [cluster.add("m1"), cluster.add("m2"), cluster.add("w1")];
  await Promise.all(cluster.daemons.map((daemon) => daemon.start()));
});
afterAll(async () => {
  await cluster?.stop();
  await engine?.stop();
});

const on = (daemon: DaemonProcess, ...args: string[]): Promise<string> => cli.print(daemon.apiPath, ...args);
const addresses = ({ managerAddress, address }: DaemonProcess): string[] => [
  "--listen-addr",
  managerAddress,
  "--advertise-addr",
  address,
];

test("a cluster is made with docker alone", async () => {
  expect(await on(leader, "swarm", "init", ...addresses(leader))).toContain("is now a manager");
  const join = async (daemon: DaemonProcess, role: string): Promise<string> => {
    const token = (await on(leader, "swarm", "join-token", "-q", role)).trim();
    return await on(daemon, "swarm", "join", ...addresses(daemon), "--token", token, leader.managerAddress);
  };
  expect(await join(follower, "manager")).toContain("This node joined a swarm as a manager.");
  expect(await join(worker, "worker")).toContain("This node joined a swarm as a worker.");
  await eventually(async () => {
    const listed = await on(follower, "node", "ls", "--format", "{{.Hostname}} {{.Status}} {{.ManagerStatus}}");
    expect(
      listed
        .trim()
        .split("\n")
        .map((line) => line.trim())
        .sort(),
    ).toEqual(["m1 Ready Leader", "m2 Ready Reachable", "w1 Ready"]);
  });
});

test("each node says what it is", async () => {
  const format =
    "{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}} {{.Swarm.Managers}}/{{.Swarm.Nodes}} {{len .Swarm.RemoteManagers}}";
  // A worker is told of the managers by and by.
  await eventually(async () => {
    expect(await on(leader, "info", "--format", format)).toBe("active true 2/3 2\n");
    expect(await on(follower, "info", "--format", format)).toBe("active true 2/3 2\n");
    expect(await on(worker, "info", "--format", format)).toBe("active false 0/0 2\n");
  });
  expect(await on(follower, "info", "--format", "{{json .Warnings}}")).toContain("two-manager configuration");
});

test("a worker refuses in Docker's words, and what is the engine's still works", async () => {
  for (const args of [
    ["node", "ls"],
    ["service", "ls"],
    ["secret", "ls"],
    ["swarm", "join-token", "worker"],
  ]) {
    const refused = await cli.run(worker.apiPath, args);
    expect(refused).toMatchObject({
      code: 1,
      err: expect.stringContaining(
        "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. Please run this command on a manager node or promote the current node to a manager.",
      ),
    });
  }
  expect(await on(worker, "run", "--rm", engine.image, "echo", "works")).toBe("works\n");
});

test("what is written on a follower is there on the leader, and both tell it as an event", async () => {
  const followed = [leader, follower].map((daemon) => {
    const events = cli.start(daemon.apiPath, [
      "events",
      "--filter",
      "type=secret",
      "--format",
      "{{.Action}} {{.Actor.Attributes.name}}",
    ]);
    const seen: string[] = [];
    events.stdout?.on("data", (chunk: Buffer) => seen.push(chunk.toString()));
    return { events, seen };
  });
  let round = 0;
  // The command line does not say when it has begun to listen.
  await eventually(async () => {
    round += 1;
    const created = await cli.run(follower.apiPath, ["secret", "create", `key${round}`, "-"], { input: "hidden" });
    expect(created).toMatchObject({ code: 0 });
    for (const { seen } of followed) expect(seen.join("")).toContain(`create key${round}\n`);
  });
  expect(await on(leader, "secret", "ls", "--format", "{{.Name}}")).toContain(`key${round}`);
  for (const { events } of followed) events.kill();
});

test("a manager that has just been started answers when it manages again, not before", async () => {
  await leader.restart();
  expect(await on(leader, "info", "--format", "{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}")).toBe(
    "active true\n",
  );
  await leader.restart();
  expect(await on(leader, "secret", "ls", "--format", "{{.Name}}")).toContain("key1");
});

test("tasks run on while the daemon of their node restarts, and without an engine the swarm is still there", async () => {
  const service = ["service", "create", "-q", "--no-resolve-image", "--update-monitor", "1ms", "--name", "web"];
  const onWorker = ["--constraint", "node.hostname==w1", "--restart-delay", "0s", "--stop-grace-period", "1s"];
  await on(leader, ...service, ...onWorker, engine.image, "sleep", "600");
  const container = await on(worker, "ps", "-q", "--no-trunc", "--filter", "is-task=true");
  expect(container).toMatch(/^[0-9a-f]{64}\n$/);
  expect(await on(worker, "ps", "-q", "--no-trunc", "--filter", "is-task=false")).not.toContain(container.trim());
  await worker.restart();
  await eventually(async () =>
    expect(await on(worker, "info", "--format", "{{.Swarm.LocalNodeState}}")).toBe("active\n"),
  );
  expect(await on(worker, "ps", "-q", "--no-trunc", "--filter", "is-task=true")).toBe(container);
  await engine.kill();
  // `node ls` asks for the engine's info too.
  expect(await on(leader, "service", "ls", "--format", "{{.Name}}")).toBe("web\n");
  expect(await cli.run(worker.apiPath, ["ps"])).toMatchObject({
    code: 1,
    err: expect.stringContaining("does not answer"),
  });
  await engine.start();
  // It has stopped its containers: the task gets a new one.
  await eventually(async () => {
    expect(await on(worker, "ps", "-q", "--no-trunc", "--filter", "is-task=true")).toMatch(/^[0-9a-f]{64}\n$/);
  });
});
