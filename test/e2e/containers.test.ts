// Daemons as containers on a network of one engine, started by the repository's own scripts; stopped, killed, paused and cut off
// as people do it with the docker CLI. One story, in order.
import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Channel, type ClientOf, openUnixChannel } from "@mswarm/rpc";
import { cryptoRandom, isSwarmError, seconds, systemClock } from "@mswarm/runtime";
import type { Handlers, Task } from "@mswarm/wire";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DockerEngine, startDockerEngine } from "../support/docker-engine.ts";
import { callLimit, eventually } from "../support/eventually.ts";
import { secretFile, sleeper } from "../support/service-specs.ts";

type Control = ClientOf<Handlers["docker.swarmkit.v1.Control"]>;

const run = promisify(execFile);
const clock = systemClock();
const random = cryptoRandom();
const inTime = { timeout: callLimit };
const name = `t${random.bytes(4).toString("hex")}`;
const secretText = random.bytes(24).toString("hex");
const managers = ["m1", "m2", "m3"] as const;
const replicas = 4;
const say = (figure: string): void => console.log(`[containers] ${figure}`);

let docker: DockerEngine;
let serviceId = "";
const channels: Channel[] = [];

const script = (file: string, ...args: readonly string[]): Promise<unknown> =>
  run(fileURLToPath(new URL(`../../scripts/${file}`, import.meta.url)), args, {
    env: { ...process.env, DOCKER_HOST: docker.address },
  });

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const start = clock.monotonic();
  await work();
  return Math.round(clock.monotonic() - start);
};

beforeAll(async () => {
  docker = await startDockerEngine();
  say(`image made after ${await timed(() => script("image"))} ms`);
  say(`${await docker.docker("image", "inspect", "--format", "{{.Size}}", "mswarm:latest")} bytes`);
  say(`five nodes up after ${await timed(() => script("containers", "up", "--name", name))} ms`);
});
afterAll(async () => {
  for (const channel of channels) channel.close();
  if (docker !== undefined) await script("containers", "down", "--name", name);
  await docker?.stop();
});

function controlOf(node: string): Control {
  const channel = openUnixChannel(`/var/run/mswarm/containers/${name}/${node}/control.sock`);
  channels.push(channel);
  return channel.client("docker.swarmkit.v1.Control");
}

/** `use` at whichever manager answers. */
async function atSomeManager<R>(use: (control: Control) => Promise<R>): Promise<R> {
  return await eventually(async () => await Promise.any(managers.map((node) => use(controlOf(node)))));
}

async function nodeStates(): Promise<Readonly<Record<string, string>>> {
  const { nodes = [] } = await atSomeManager((control) => control.ListNodes({}, { timeout: seconds(2) }));
  return Object.fromEntries(
    nodes.map(({ description, status, managerStatus }) => [
      (description?.hostname ?? "").slice(name.length + 1),
      `${status?.state ?? "UNKNOWN"} ${managerStatus?.reachability ?? ""}`.trim(),
    ]),
  );
}

const whole = {
  ...Object.fromEntries(managers.map((node) => [node, "READY REACHABLE"])),
  w1: "READY",
  w2: "READY",
};

async function leader(): Promise<string> {
  return await eventually(async () => {
    const { nodes = [] } = await atSomeManager((control) => control.ListNodes({}, { timeout: seconds(2) }));
    const found = nodes.find(({ managerStatus }) => managerStatus?.leader === true);
    return (found?.description?.hostname ?? expect.fail("nobody leads")).slice(name.length + 1);
  });
}

const inspect = (node: string, format: string): Promise<string> =>
  docker.docker("inspect", "--format", format, `${name}-${node}`);

/** Exactly the wanted tasks run, where `isPlaced` says, and the service has no other container that runs. */
async function converged(isPlaced: (task: Task) => boolean = () => true): Promise<void> {
  await eventually(async () => {
    const { tasks = [] } = await atSomeManager((control) =>
      control.ListTasks({ filters: { serviceIds: [serviceId] } }, { timeout: seconds(2) }),
    );
    const wanted = tasks.filter(({ desiredState }) => desiredState === "RUNNING");
    expect(wanted.map(({ status }) => status?.state)).toEqual(Array(replicas).fill("RUNNING"));
    expect(wanted.filter((task) => !isPlaced(task)).map(({ nodeId }) => nodeId)).toEqual([]);
  });
}

async function containersOfService(): Promise<number> {
  const filter = ["--filter", "label=com.docker.swarm.service.name=sleeper"];
  return (await docker.docker("ps", "--quiet", ...filter)).split("\n").filter((line) => line !== "").length;
}

async function writeSoon(): Promise<number> {
  return await timed(() =>
    atSomeManager(async (control) => {
      const annotations = { name: `w${random.bytes(6).toString("hex")}` };
      try {
        await control.CreateSecret({ spec: { annotations, data: Buffer.from("x") } }, { timeout: seconds(5) });
      } catch (error) {
        // Of two managers that were asked, the other was first.
        if (!isSwarmError(error, "ALREADY_EXISTS")) throw error;
      }
    }),
  );
}

test("every node is ready, and none of the containers is privileged or may mount", async () => {
  await eventually(async () => expect(await nodeStates()).toEqual(whole));
  for (const node of Object.keys(whole)) {
    expect(await inspect(node, "{{.HostConfig.Privileged}} {{.HostConfig.CapDrop}}")).toBe("false [ALL]");
  }
});

test("tasks on the nodes' engine read their secret", async () => {
  const control = controlOf("m1");
  const created = await control.CreateSecret(
    { spec: { annotations: { name: "password" }, data: Buffer.from(secretText) } },
    inTime,
  );
  const spec = sleeper("sleeper", {
    image: docker.image,
    replicas,
    // Logs hold a line back until it ends.
    script: "cat /run/secrets/password; echo",
    container: { secrets: [secretFile(created.secret?.id ?? "", "password")] },
    constraints: ["node.role==worker"],
  });
  const { service } = await control.CreateService({ spec }, inTime);
  serviceId = service?.id ?? "";
  await converged();
  const ids = await docker.docker("ps", "--quiet", "--filter", "label=com.docker.swarm.service.name=sleeper");
  for (const id of ids.split("\n")) {
    await eventually(async () => expect(await docker.docker("logs", id)).toBe(secretText));
  }
});

test("a manager that is stopped and started again comes back, and writes go on", async () => {
  const first = await leader();
  // Docker's own ten seconds may be too few on a busy machine.
  await docker.docker("stop", "--time", "60", `${name}-${first}`);
  say(`leader stopped gently: next write after ${await writeSoon()} ms`);
  expect(await inspect(first, "{{.State.ExitCode}}")).toBe("0");
  await docker.docker("start", `${name}-${first}`);
  await eventually(async () => expect(await nodeStates()).toEqual(whole));
});

test("a leader that is killed is replaced, and comes back", async () => {
  const killed = await leader();
  await docker.docker("kill", `${name}-${killed}`);
  say(`leader killed: next write after ${await writeSoon()} ms`);
  await docker.docker("start", `${name}-${killed}`);
  await eventually(async () => expect(await nodeStates()).toEqual(whole));
});

test("a paused worker's tasks run elsewhere, and its own end when it goes on", async () => {
  const { nodes = [] } = await atSomeManager((control) => control.ListNodes({}, inTime));
  const paused = nodes.find(({ description }) => description?.hostname === `${name}-w1`)?.id;
  await docker.docker("pause", `${name}-w1`);
  try {
    say(`worker paused: tasks elsewhere after ${await timed(() => converged(({ nodeId }) => nodeId !== paused))} ms`);
  } finally {
    await docker.docker("unpause", `${name}-w1`);
  }
  await eventually(async () => expect(await nodeStates()).toEqual(whole));
  await eventually(async () => expect(await containersOfService()).toBe(replicas));
});

test("a worker without a network loses its tasks to others, and takes part again with one", async () => {
  const { nodes = [] } = await atSomeManager((control) => control.ListNodes({}, inTime));
  const cut = nodes.find(({ description }) => description?.hostname === `${name}-w2`)?.id;
  await docker.docker("network", "disconnect", `mswarm-${name}`, `${name}-w2`);
  try {
    say(`worker cut off: tasks elsewhere after ${await timed(() => converged(({ nodeId }) => nodeId !== cut))} ms`);
  } finally {
    await docker.docker("network", "connect", `mswarm-${name}`, `${name}-w2`);
  }
  await eventually(async () => expect(await nodeStates()).toEqual(whole));
  await eventually(async () => expect(await containersOfService()).toBe(replicas));
});

test("taking it down leaves no container, no network, no mount and no file", async () => {
  await script("containers", "down", "--name", name);
  expect(await docker.docker("ps", "--all", "--quiet")).toBe("");
  expect(await docker.docker("network", "ls", "--quiet", "--filter", `name=mswarm-${name}`)).toBe("");
  await expect(access(`/var/run/mswarm/containers/${name}`)).rejects.toThrow("ENOENT");
});
