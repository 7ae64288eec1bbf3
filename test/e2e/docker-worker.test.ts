// A stock Docker Engine as a worker of an mswarm cluster, driven by the stock docker CLI. One story, in order.
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { cryptoRandom, systemClock } from "@mswarm/runtime";
import type { ServiceSpecInput } from "@mswarm/wire";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DockerEngine, startDockerEngine } from "../support/docker-engine.ts";
import { callLimit, eventually } from "../support/eventually.ts";
import { secretFile, stayUp } from "../support/service-specs.ts";
import { type Control, containerIdOf, TestCluster } from "../support/test-cluster.ts";

const run = promisify(execFile);
const clock = systemClock();
const inTime = { timeout: callLimit };
const secretText = cryptoRandom().bytes(24).toString("hex");
const motd = "hello from a config\n";
const say = (figure: string): void => console.log(`[docker worker] ${figure}`);

let docker: DockerEngine;
let cluster: TestCluster;
let control: Control;
let nodeId = "";
let serviceId = "";
let spec: ServiceSpecInput = {};

beforeAll(async () => {
  docker = await startDockerEngine();
  cluster = await TestCluster.create(docker.address);
  const manager = cluster.add("m1");
  await manager.start();
  await manager.init();
  control = manager.control;
});
afterAll(async () => {
  await cluster?.stop();
  await docker?.stop();
});

async function dockerCli(...args: readonly string[]): Promise<string> {
  return (await run("docker", ["-H", docker.address, ...args])).stdout.trim();
}

async function join(token: string, address = "127.0.0.1"): Promise<string> {
  const addresses = ["--advertise-addr", address, "--listen-addr", address];
  return await dockerCli("swarm", "join", "--token", token, ...addresses, cluster.daemon("m1").managerAddress);
}

async function createdSecret(name: string, data: string): Promise<string> {
  const { secret } = await control.CreateSecret({ spec: { annotations: { name }, data: Buffer.from(data) } }, inTime);
  return secret?.id ?? "";
}

test("docker swarm join with the manager token is refused with a sentence, and the engine is in no swarm", async () => {
  const { manager = "" } = await cluster.joinTokens();
  // An address where no manager of this machine's own listens.
  const refusal = await join(manager, cluster.add("unused").managerAddress).then(
    (output) => `joined: ${output}`,
    (error: Error) => error.message,
  );
  expect(refusal).toContain("runs Docker Engine");
  expect(refusal).toContain("Let it join as a worker");
  await dockerCli("swarm", "leave", "--force").catch(() => undefined);
  expect(await dockerCli("info", "--format", "{{.Swarm.LocalNodeState}}")).toBe("inactive");
  expect((await cluster.daemon("m1").status()).raft?.role).toBe("leader");
});

test("docker swarm join with the worker token makes it a READY node", async () => {
  const { worker = "" } = await cluster.joinTokens();
  const start = clock.monotonic();
  expect(await join(worker)).toBe("This node joined a swarm as a worker.");
  nodeId = await dockerCli("info", "--format", "{{.Swarm.NodeID}}");
  await eventually(async () => {
    const { node } = await control.GetNode({ nodeId }, inTime);
    expect(node?.status?.state).toBe("READY");
    expect(node?.role ?? "WORKER").toBe("WORKER");
    expect(node?.description?.engine?.engineVersion).toBe(
      await dockerCli("version", "--format", "{{.Server.Version}}"),
    );
  });
  say(`joined and READY after ${Math.round(clock.monotonic() - start)} ms`);
});

test("it runs a service with a secret, a config, an environment and limits", async () => {
  const secretId = await createdSecret("password", secretText);
  const { config } = await control.CreateConfig(
    { spec: { annotations: { name: "motd" }, data: Buffer.from(motd) } },
    inTime,
  );
  spec = {
    annotations: { name: "guest", labels: { tier: "one" } },
    task: {
      container: {
        image: docker.image,
        command: ["sh", "-c"],
        args: [stayUp],
        env: ["WHO={{.Service.Name}}.{{.Task.Slot}}", "PLAIN=yes"],
        labels: { flavor: "plain" },
        secrets: [
          {
            secretId,
            secretName: "password",
            file: { name: "deep/password", uid: "1000", gid: "1001", mode: 0o440 },
          },
        ],
        configs: [
          {
            configId: config?.id ?? "",
            configName: "motd",
            file: { name: "/etc/motd", uid: "0", gid: "0", mode: 0o444 },
          },
        ],
      },
      resources: { limits: { nanoCpus: "500000000", memoryBytes: String(64 << 20) } },
      // The manager is a worker, too, on the same engine.
      placement: { constraints: [`node.id==${nodeId}`] },
    },
    replicated: { replicas: "2" },
    update: { parallelism: "1", order: "START_FIRST", monitor: { nanos: 200_000_000 } },
  };
  const start = clock.monotonic();
  serviceId = (await control.CreateService({ spec }, inTime)).service?.id ?? "";
  const tasks = await cluster.running(serviceId, 2);
  say(`two tasks ran after ${Math.round(clock.monotonic() - start)} ms`);
  for (const task of tasks) {
    expect(task.nodeId).toBe(nodeId);
    const id = containerIdOf(task);
    expect(await dockerCli("exec", id, "cat", "/run/secrets/deep/password")).toBe(secretText);
    expect(await dockerCli("exec", id, "stat", "-c", "%u:%g %a", "/run/secrets/deep/password")).toBe("1000:1001 440");
    expect(await dockerCli("exec", id, "cat", "/etc/motd")).toBe(motd.trim());
    const environment = await dockerCli("exec", id, "env");
    expect(environment).toContain(`WHO=guest.${task.slot}`);
    expect(environment).toContain("PLAIN=yes");
    const limits = await dockerCli("inspect", "--format", "{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}}", id);
    expect(limits).toBe(`500000000 ${64 << 20}`);
    const label = '{{index .Config.Labels "flavor"}} {{index .Config.Labels "com.docker.swarm.service.name"}}';
    expect(await dockerCli("inspect", "--format", label, id)).toBe("plain guest");
    expect(await dockerCli("exec", id, "cat", "/proc/mounts")).toMatch(/tmpfs \/run\/secrets\/deep\/password/);
  }
});

test("a new secret and image command roll out, and old containers go", async () => {
  const before = (await cluster.running(serviceId, 2)).map(containerIdOf);
  const secretId = await createdSecret("next", `${secretText}-next`);
  const container = { ...spec.task?.container, env: ["PLAIN=no"], secrets: [secretFile(secretId, "next")] };
  spec = { ...spec, task: { ...spec.task, container } };
  const { service } = await control.GetService({ serviceId }, inTime);
  await control.UpdateService({ serviceId, serviceVersion: service?.meta?.version ?? {}, spec }, inTime);
  await eventually(async () => {
    const updated = await control.GetService({ serviceId }, inTime);
    expect(updated.service?.updateStatus?.state).toBe("COMPLETED");
  });
  const tasks = await cluster.running(serviceId, 2, (running) =>
    running.every((task) => !before.includes(containerIdOf(task))),
  );
  for (const task of tasks) {
    expect(await dockerCli("exec", containerIdOf(task), "cat", "/run/secrets/next")).toBe(`${secretText}-next`);
    await expect(dockerCli("exec", containerIdOf(task), "cat", "/run/secrets/deep/password")).rejects.toThrow();
  }
  await eventually(async () => {
    const running = await dockerCli("ps", "--quiet", "--no-trunc");
    expect(running.split("\n").sort()).toEqual(tasks.map(containerIdOf).sort());
  });
});

test("a killed task is started again", async () => {
  const [victim] = await cluster.running(serviceId, 2);
  await dockerCli("kill", containerIdOf(victim));
  await cluster.running(serviceId, 2, (tasks) => tasks.every(({ id }) => id !== victim?.id));
});

test("a removed service leaves no container", async () => {
  await control.RemoveService({ serviceId }, inTime);
  await eventually(async () => expect(await dockerCli("ps", "--all", "--quiet")).toBe(""));
  expect(await cluster.tasks(serviceId)).toEqual([]);
});

test("docker swarm leave makes the node DOWN, and then it can be removed", async () => {
  expect(await dockerCli("swarm", "leave")).toBe("Node left the swarm.");
  const start = clock.monotonic();
  await eventually(async () => {
    const { node } = await control.GetNode({ nodeId }, inTime);
    expect(node?.status?.state).toBe("DOWN");
  });
  say(`DOWN ${Math.round(clock.monotonic() - start)} ms after it left`);
  await control.RemoveNode({ nodeId }, inTime);
  await expect(control.GetNode({ nodeId }, inTime)).rejects.toThrow(/not found/);
});

test("the manager's log has no secret", async () => {
  const log = await readFile(cluster.daemon("m1").logFile, "utf8");
  expect(log).toContain(nodeId);
  expect(log).not.toContain(secretText);
});
