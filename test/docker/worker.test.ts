// A worker with a real engine, a real tmpfs and a real journal; only the manager is a fake.
import { execFile } from "node:child_process";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { dockerodeEngine, type Engine } from "@mswarm/engine";
import { cryptoRandom, milliseconds, seconds, silentLogger, systemClock } from "@mswarm/runtime";
import type { ContainerSpec, Task } from "@mswarm/wire";
import { createWorker, FileTaskJournal, TmpfsSecretMount } from "@mswarm/worker";
import { FakeManager } from "@mswarm/worker/testing";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type DockerEngine, startDockerEngine } from "../support/docker-engine.ts";

const run = promisify(execFile);
const clock = systemClock();
const random = cryptoRandom();
const log = silentLogger();

let docker: DockerEngine;
let engine: Engine;
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  docker = await startDockerEngine();
  engine = dockerodeEngine(docker.address);
});
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});
afterAll(() => docker?.stop());

interface Daemon {
  stop(): Promise<void>;
  leave(): Promise<void>;
}

interface Scene {
  readonly manager: FakeManager;
  readonly secretsFolder: string;
  readonly journalFolder: string;
  readonly nodeId: string;
  start(): Daemon;
  task(id: string, container: ContainerSpec, more?: Partial<Task>): Task;
  /** Waits until the manager was told this state; shows the last status otherwise. */
  reaches(taskId: string, state: string): Promise<void>;
  logsOf(taskId: string): Promise<string>;
}

async function scene(name: string, on: { engine: Engine; docker: DockerEngine } = { engine, docker }): Promise<Scene> {
  const folder = join(on.docker.folder, name);
  await mkdir(folder);
  const manager = new FakeManager();
  const secretsFolder = join(folder, "secrets");
  const journalFolder = join(folder, "journal");
  const nodeId = `node-${name}`;
  const start = (): Daemon => {
    const abort = new AbortController();
    const worker = createWorker({
      nodeId,
      engine: on.engine,
      connect: manager.connect,
      secretMount: new TmpfsSecretMount(secretsFolder, { random, log }),
      journal: new FileTaskJournal(journalFolder, { log }),
      clock,
      random,
      log,
    });
    const running = worker.run(abort.signal);
    const stop = async (): Promise<void> => {
      abort.abort();
      await running;
    };
    return { stop, leave: () => worker.leave(new AbortController().signal) };
  };
  const task = (id: string, container: ContainerSpec, more: Partial<Task> = {}): Task => ({
    id,
    spec: { container: { image: on.docker.image, stopGracePeriod: { seconds: "1" }, ...container } },
    serviceId: `service-${name}`,
    slot: "1",
    nodeId,
    serviceAnnotations: { name },
    status: { state: "ASSIGNED" },
    desiredState: "RUNNING",
    ...more,
  });
  const reaches = (taskId: string, state: string): Promise<void> =>
    eventually(
      async () => manager.lastStatus(taskId)?.state === state,
      () => JSON.stringify(manager.lastStatus(taskId)),
    );
  const logsOf = async (taskId: string): Promise<string> => {
    const found = await on.engine.listContainers({ "com.docker.swarm.task.id": taskId });
    const options = { stdout: true, stderr: true, follow: false };
    let text = "";
    for await (const { data } of on.engine.logs(found[0]?.id ?? "", options)) text += data.toString();
    return text;
  };
  const made = { manager, secretsFolder, journalFolder, nodeId, start, task, reaches, logsOf };
  stops.push(() => start().leave());
  return made;
}

async function eventually(holds: () => Promise<boolean>, describe: () => string): Promise<void> {
  const start = clock.monotonic();
  while (!(await holds())) {
    if (clock.monotonic() - start > seconds(60)) expect.fail(`not within 60 s: ${describe()}`);
    await clock.sleep(milliseconds(50));
  }
}

const secretText = "correct-horse-battery-staple-4711";
const secret = { id: "s1", spec: { annotations: { name: "password" }, data: Buffer.from(secretText) } };
const config = { id: "c1", spec: { annotations: { name: "motd" }, data: Buffer.from("#!/bin/sh\necho config-ran\n") } };
const files: ContainerSpec = {
  secrets: [
    { secretId: "s1", secretName: "password", file: { name: "password", uid: "1000", gid: "1001", mode: 0o440 } },
    { secretId: "s1", secretName: "password", file: { name: "/etc/deep/er/secret", uid: "0", gid: "0", mode: 0o400 } },
  ],
  configs: [{ configId: "c1", configName: "motd", file: { name: "motd.sh", uid: "0", gid: "0", mode: 0o755 } }],
};

test("a task runs, its process ends, and its container goes when the task is taken back", async () => {
  const { manager, start, task, reaches, logsOf, journalFolder } = await scene("life");
  const daemon = start();
  stops.push(daemon.stop);
  manager.assign({
    task: task("t1", {
      command: ["sh", "-c"],
      args: ["echo $WHO; hostname"],
      env: ["WHO={{.Service.Name}}.{{.Task.Slot}}"],
      hostname: "h-{{.Node.ID}}",
    }),
  });
  await reaches("t1", "COMPLETE");
  let text = "";
  await eventually(
    async () => {
      text = await logsOf("t1");
      return text.split("\n").length > 2;
    },
    () => `its log is ${JSON.stringify(text)}`,
  );
  expect(text).toBe("life.1\nh-node-life\n");
  let kept: string[] = [];
  // What is being written has another name until it is whole.
  await eventually(
    async () => {
      kept = await readdir(journalFolder);
      return kept.join() === "t1.task";
    },
    () => `the journal holds ${kept}`,
  );
  manager.takeBack({ task: { id: "t1" } });
  await eventually(
    async () => (await engine.listContainers({ "com.docker.swarm.task.id": "t1" })).length === 0,
    () => "the container is still there",
  );
});

test("secrets and configs are seen with content, owner and mode, and no disk ever holds a secret", async () => {
  const { manager, start, task, reaches, logsOf, secretsFolder, journalFolder } = await scene("secrets");
  const daemon = start();
  stops.push(daemon.stop);
  const look = [
    "cd /run/secrets; stat -c '%n %u:%g %a' password /etc/deep/er/secret /motd.sh",
    "cat password /etc/deep/er/secret; echo; /motd.sh",
    "echo x 2>&1 > password || echo read-only; touch /run/secrets/other && echo other",
    "sleep 1000",
  ].join("; ");
  manager.assign({ secret }, { config }, { task: task("t1", { command: ["sh", "-c"], args: [look], ...files }) });
  await reaches("t1", "RUNNING");
  let text = "";
  await eventually(
    async () => {
      text = await logsOf("t1");
      return text.includes("read-only");
    },
    () => `its log is ${JSON.stringify(text)}`,
  );
  expect(text).toContain("password 1000:1001 440\n");
  expect(text).toContain("/etc/deep/er/secret 0:0 400\n");
  expect(text).toContain("/motd.sh 0:0 755\n");
  expect(text).toContain(`${secretText}${secretText}\nconfig-ran\n`);

  // The container prints the secret: its log is the one place where it may be found.
  expect(await filesWith(secretText, docker.dataRoot)).toEqual([expect.stringMatching(/-json\.log$/)]);
  expect(await filesWith(secretText, journalFolder)).toEqual([]);
  expect(await filesWith(secretText, secretsFolder)).toHaveLength(2);
  const { stdout } = await run("stat", ["--file-system", "--format", "%T", secretsFolder]);
  expect(stdout.trim()).toBe("tmpfs");
  expect((await run("stat", ["--format", "%a %u", secretsFolder])).stdout.trim()).toBe("700 0");

  manager.assign({ task: task("t1", {}, { desiredState: "SHUTDOWN" }) });
  await reaches("t1", "SHUTDOWN");
  await eventually(
    async () => (await filesWith(secretText, secretsFolder)).length === 0,
    () => "not wiped",
  );
});

test("a node that leaves takes its tmpfs away", async () => {
  const { manager, start, task, reaches, secretsFolder, nodeId } = await scene("leave");
  const daemon = start();
  manager.assign({ secret }, { config }, { task: task("t1", { args: ["sleep", "1000"], ...files }) });
  await reaches("t1", "RUNNING");
  expect(await isMounted(secretsFolder)).toBe(true);
  await daemon.leave();
  expect(await isMounted(secretsFolder)).toBe(false);
  expect(await engine.listContainers({ "com.docker.swarm.node.id": nodeId })).toEqual([]);
});

test("a daemon that comes back finds its running task and that task's secrets again", async () => {
  const { manager, start, task, reaches } = await scene("adopt");
  const first = start();
  manager.assign({ secret }, { config }, { task: task("t1", { args: ["sleep", "1000"], ...files }) });
  await reaches("t1", "RUNNING");
  const container = manager.lastStatus("t1")?.container?.containerId ?? "";
  await first.stop();
  manager.statuses.clear();
  const second = start();
  stops.push(second.stop);
  await reaches("t1", "RUNNING");
  await engine.stopContainer(container, milliseconds(0));
  await reaches("t1", "FAILED");
  expect(manager.lastStatus("t1")).toMatchObject({
    err: "task: non-zero exit (137)",
    container: { containerId: container, exitCode: 137 },
  });
});

test("health decides when a task runs, and when it fails", async () => {
  const { manager, start, task, reaches } = await scene("health");
  const daemon = start();
  stops.push(daemon.stop);
  const healthcheck = { test: ["CMD-SHELL", "cat /tmp/ok"], interval: { nanos: 100_000_000 }, retries: 3 };
  manager.assign({
    task: task("t1", { command: ["sh", "-c"], args: ["touch /tmp/ok; sleep 1000"], healthcheck }),
  });
  await reaches("t1", "RUNNING");
  await docker.docker("exec", manager.lastStatus("t1")?.container?.containerId ?? "", "rm", "/tmp/ok");
  await reaches("t1", "FAILED");
  expect(manager.lastStatus("t1")?.err).toBe("task: non-zero exit (137): dockerexec: unhealthy container");
});

test("an engine that restarts ends its tasks, and the worker goes on with new ones", async () => {
  const { manager, start, task, reaches } = await scene("restart");
  const daemon = start();
  stops.push(daemon.stop);
  manager.assign({ task: task("t1", { args: ["sleep", "1000"] }) });
  await reaches("t1", "RUNNING");
  await docker.restart();
  await reaches("t1", "FAILED");
  manager.assign({ task: task("t2", { args: ["sleep", "1000"] }, { slot: "2" }) });
  await reaches("t2", "RUNNING");
});

test("an engine in another mount namespace is noticed, and the secret is not given to it", async () => {
  const other = await startDockerEngine({ hasPrivateMounts: true });
  try {
    const on = { engine: dockerodeEngine(other.address), docker: other };
    const { manager, start, task, reaches, secretsFolder } = await scene("blind", on);
    const daemon = start();
    manager.assign({ secret }, { config }, { task: task("t1", { args: ["sleep", "1000"], ...files }) });
    await reaches("t1", "REJECTED");
    expect(manager.lastStatus("t1")?.err).toMatch(/^the engine does not see the daemon's folder for secrets/);
    // Wiped right after the report.
    await eventually(
      async () => (await filesWith(secretText, secretsFolder)).length === 0,
      () => "the secret is still there",
    );
    await daemon.leave();
    stops.pop();
  } finally {
    await other.stop();
  }
});

test("published ports of host mode reach the container", async () => {
  const other = await startDockerEngine();
  try {
    const on = { engine: dockerodeEngine(other.address), docker: other };
    const { manager, start, task, reaches } = await scene("ports", on);
    const daemon = start();
    const endpoint: NonNullable<Task["endpoint"]> = {
      ports: [{ protocol: "TCP", targetPort: 80, publishedPort: 0, publishMode: "HOST" }],
    };
    const serve = "while true; do echo served | nc -l -p 80; done";
    manager.assign({ task: task("t1", { command: ["sh", "-c"], args: [serve] }, { endpoint }) });
    await reaches("t1", "RUNNING");
    const port = manager.lastStatus("t1")?.portStatus?.ports?.[0]?.publishedPort ?? 0;
    expect(port).toBeGreaterThan(1_024);
    let answer = "";
    await eventually(
      async () => {
        answer = (await run("busybox", ["nc", "-w", "1", "127.0.0.1", String(port)]).catch(() => ({ stdout: "" })))
          .stdout;
        return answer !== "";
      },
      () => "nobody answers on the published port",
    );
    expect(answer).toBe("served\n");
    await daemon.leave();
    stops.pop();
  } finally {
    await other.stop();
  }
});

async function filesWith(text: string, folder: string): Promise<readonly string[]> {
  // grep says 1 when it finds nothing, and 2 when a file that it wanted to read is gone; what it found stands.
  const found = await run("grep", ["-rlasF", text, folder]).catch(({ stdout }: { stdout: string }) => ({ stdout }));
  return found.stdout.split("\n").filter((line) => line !== "");
}

async function isMounted(folder: string): Promise<boolean> {
  return (await readFile("/proc/self/mounts", "utf8")).includes(` ${folder} `);
}
