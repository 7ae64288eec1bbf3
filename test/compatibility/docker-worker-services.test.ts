// What services are for a Docker Engine that is a worker of mswarm managers.
import { readFile } from "node:fs/promises";
import { cryptoRandom, milliseconds, seconds, wireDuration } from "@mswarm/runtime";
import type { Task } from "@mswarm/wire";
import { afterAll, beforeAll, expect } from "vitest";
import { CompatibilityMatrix } from "../support/compatibility-matrix.ts";
import { engineVersions } from "../support/docker-engine.ts";
import { type DockerWorker, DockerWorkers, onlyOn } from "../support/docker-workers.ts";
import { callLimit, eventually } from "../support/eventually.ts";
import { secretFile, sleeper } from "../support/service-specs.ts";
import { containerIdOf } from "../support/test-cluster.ts";

const inTime = { timeout: callLimit };
const secretText = cryptoRandom().bytes(24).toString("hex");
const matrix = new CompatibilityMatrix("docker-worker-services", engineVersions);
const quickUpdate = { parallelism: "1", monitor: wireDuration(milliseconds(200)) };

let scene: DockerWorkers;

beforeAll(async () => {
  scene = await DockerWorkers.start();
});
afterAll(() => scene?.stop());

function service(worker: DockerWorker, name: string, more: Partial<Parameters<typeof sleeper>[1]> = {}) {
  const common = { image: worker.engine.image, replicas: 1, constraints: onlyOn(worker) };
  return sleeper(`${name}-${worker.name}`, { ...common, ...more });
}

const exec = (worker: DockerWorker, task: Task | undefined, ...command: readonly string[]): Promise<string> =>
  worker.engine.docker("exec", containerIdOf(task), ...command);

const inspect = (worker: DockerWorker, task: Task | undefined, format: string): Promise<string> =>
  worker.engine.docker("inspect", "--format", format, containerIdOf(task));

matrix.scenario("joining with the manager token is refused, and leaves nothing behind", async (version) => {
  const worker = scene.of(version);
  const { manager = "" } = await scene.cluster.joinTokens();
  const refused: string[] = [];
  for (const through of [await scene.cluster.leader(), await scene.cluster.follower()]) {
    const refusal = await scene.dockerJoin(worker, manager, through).then(
      (output) => `joined: ${output}`,
      (error: Error) => error.message,
    );
    const sentence =
      /node (\w{25}) runs Docker Engine: managers of Docker and of mswarm cannot share a cluster's quorum yet. Let it join as a worker/;
    expect(refusal).toMatch(sentence);
    refused.push(sentence.exec(refusal)?.[1] ?? "");
    expect(await worker.engine.docker("info", "--format", "{{.Swarm.LocalNodeState}}")).toBe("inactive");
  }
  await eventually(async () => {
    const known = (await scene.cluster.nodes()).map(({ id }) => id);
    expect(known.filter((id = "") => refused.includes(id))).toEqual([]);
  });
  const { blacklistedCertificates = {} } = await scene.cluster.cluster();
  expect(Object.keys(blacklistedCertificates)).toEqual(expect.arrayContaining(refused));
  const managers = (await scene.cluster.nodes()).filter(({ managerStatus }) => managerStatus !== undefined);
  expect(managers.map(({ description }) => description?.hostname).sort()).toEqual(["m1", "m2", "m3"]);
});

matrix.scenario("joining as a worker", async (version) => {
  const worker = scene.of(version);
  await scene.join(worker);
  const node = await scene.node(worker);
  expect(node.role ?? "WORKER").toBe("WORKER");
  expect(node.description?.hostname).toBe(worker.name);
  expect(node.status?.addr).toBe(worker.machine.address);
  expect(node.description?.engine?.engineVersion).toMatch(new RegExp(`^${version}`));
  expect(await worker.engine.docker("info", "--format", "{{.Swarm.LocalNodeState}}")).toBe("active");
});

matrix.scenario("promotion is refused", async (version) => {
  const worker = scene.of(version);
  const { id: nodeId = "", meta, spec = {} } = await scene.node(worker);
  const control = await scene.cluster.control();
  const promotion = { nodeId, nodeVersion: meta?.version ?? {}, spec: { ...spec, desiredRole: "MANAGER" as const } };
  await expect(control.UpdateNode(promotion, inTime)).rejects.toThrow(
    `node ${nodeId} cannot become a manager: it does not run mswarm, and a manager quorum shared with Docker Engine is not supported yet`,
  );
  expect((await scene.node(worker)).status?.state).toBe("READY");
});

matrix.scenario("secrets and configs are files with owner and mode", async (version) => {
  const worker = scene.of(version);
  const secretId = await scene.createSecret(`password-${worker.name}`, secretText);
  const configId = await scene.createConfig(`motd-${worker.name}`, "hello\n");
  const container = {
    secrets: [
      {
        secretId,
        secretName: `password-${worker.name}`,
        file: { name: "deep/password", uid: "7", gid: "8", mode: 0o440 },
      },
    ],
    configs: [
      { configId, configName: `motd-${worker.name}`, file: { name: "/etc/motd", uid: "0", gid: "9", mode: 0o444 } },
    ],
  };
  const id = await scene.createService(service(worker, "files", { container }));
  const [task] = await scene.cluster.running(id, 1);
  expect(await exec(worker, task, "cat", "/run/secrets/deep/password")).toBe(secretText);
  expect(await exec(worker, task, "stat", "-c", "%u:%g %a", "/run/secrets/deep/password")).toBe("7:8 440");
  expect(await exec(worker, task, "cat", "/proc/mounts")).toMatch(/tmpfs \/run\/secrets\/deep\/password/);
  expect(await exec(worker, task, "cat", "/etc/motd")).toBe("hello");
  expect(await exec(worker, task, "stat", "-c", "%u:%g %a", "/etc/motd")).toBe("0:9 444");
  await scene.removeService(worker, id);
});

matrix.scenario("mounts of all kinds", async (version) => {
  const worker = scene.of(version);
  const container = {
    readOnly: true,
    mounts: [
      { type: "BIND", source: worker.engine.folder, target: "/host", readonly: true },
      { type: "VOLUME", source: `kept-${worker.name}`, target: "/kept", volumeOptions: { labels: { kind: "kept" } } },
      { type: "TMPFS", target: "/scratch", tmpfsOptions: { sizeBytes: String(1 << 20), mode: 0o1770 } },
    ] as const,
  };
  const script = "echo again >> /kept/starts; touch /scratch/x";
  const id = await scene.createService(
    service(worker, "mounts", { container: { ...container, mounts: [...container.mounts] }, script }),
  );
  const [first] = await scene.cluster.running(id, 1);
  expect(await exec(worker, first, "cat", "/proc/mounts")).toMatch(/tmpfs \/scratch tmpfs .*size=1024k,mode=1770/);
  await expect(exec(worker, first, "touch", "/host/x")).rejects.toThrow(/Read-only file system/);
  await expect(exec(worker, first, "touch", "/etc/x")).rejects.toThrow(/Read-only file system/);
  await worker.engine.docker("kill", containerIdOf(first));
  const [second] = await scene.cluster.running(id, 1, ([task]) => task?.id !== first?.id);
  expect(await exec(worker, second, "cat", "/kept/starts")).toBe("again\nagain");
  expect(await worker.engine.docker("volume", "inspect", "--format", "{{.Labels.kind}}", `kept-${worker.name}`)).toBe(
    "kept",
  );
  await scene.removeService(worker, id);
});

matrix.scenario("limits, environment, templates, user, signals", async (version) => {
  const worker = scene.of(version);
  const spec = service(worker, "limits", {
    container: {
      env: ["WHO={{.Service.Name}}.{{.Task.Slot}} on {{.Node.Hostname}}"],
      hostname: "h{{.Task.Slot}}",
      labels: { flavor: "plain" },
      user: "7:8",
      dir: "/tmp",
      hosts: ["198.51.100.7 far"],
      ulimits: [{ name: "nofile", soft: "100", hard: "200" }],
      capabilityDrop: ["CAP_NET_RAW"],
      sysctls: { "net.ipv4.ip_unprivileged_port_start": "80" },
      init: { value: true },
      pidsLimit: "50",
      stopSignal: "SIGUSR1",
    },
  });
  const limits = { nanoCpus: "500000000", memoryBytes: String(64 << 20) };
  const id = await scene.createService({ ...spec, task: { ...spec.task, resources: { limits } } });
  const [task] = await scene.cluster.running(id, 1);
  const host =
    "{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{.Config.StopSignal}} {{.Config.Labels.flavor}}";
  expect(await inspect(worker, task, host)).toBe(`500000000 ${64 << 20} 50 SIGUSR1 plain`);
  const look =
    "id -u; id -g; hostname; echo $WHO; echo $PWD; ulimit -H -n; cat /etc/hosts /proc/sys/net/ipv4/ip_unprivileged_port_start";
  const seen = (await exec(worker, task, "sh", "-c", look)).split("\n");
  expect(seen.slice(0, 6)).toEqual(["7", "8", "h1", `limits-${worker.name}.1 on ${worker.name}`, "/tmp", "200"]);
  expect(seen.at(-1)).toBe("80");
  expect(seen).toContain("198.51.100.7\tfar");
  expect(await exec(worker, task, "cat", "/proc/1/cmdline")).toMatch(/docker-init/);
  await scene.removeService(worker, id);
});

matrix.scenario("health checks decide when a task runs and when it is replaced", async (version) => {
  const worker = scene.of(version);
  const healthcheck = {
    test: ["CMD-SHELL", "cat /tmp/ok"],
    interval: wireDuration(milliseconds(300)),
    startPeriod: wireDuration(seconds(120)),
    retries: 1,
  };
  // It does not end when it is asked to, as it would end well and not as a failure.
  const container = { healthcheck, args: ["sleep 1000000"], stopGracePeriod: wireDuration(seconds(1)) };
  const id = await scene.createService(service(worker, "health", { container }));
  const waiting = await eventually(async () => {
    const [task] = await scene.cluster.tasks(id);
    expect(task?.status?.state).toBe("STARTING");
    expect(containerIdOf(task)).not.toBe("");
    return task;
  });
  await exec(worker, waiting, "touch", "/tmp/ok");
  const [task] = await scene.cluster.running(id, 1);
  expect(task?.id).toBe(waiting?.id);
  await exec(worker, task, "rm", "/tmp/ok");
  await eventually(async () => {
    const errors = (await scene.cluster.tasks(id)).map(({ status }) => `${status?.state} ${status?.err ?? ""}`);
    expect(errors).toContainEqual(expect.stringMatching(/^FAILED .*unhealthy container/));
    expect(errors).toHaveLength(2);
  });
  await scene.removeService(worker, id);
});

matrix.scenario("a rolling update with another secret, and a rollback", async (version) => {
  const worker = scene.of(version);
  const [oldSecret, newSecret] = [`old-${worker.name}`, `new-${worker.name}`];
  const [oldId, newId] = [await scene.createSecret(oldSecret, "old"), await scene.createSecret(newSecret, "new")];
  const policies = { replicas: 2, update: { ...quickUpdate, order: "START_FIRST" }, rollback: quickUpdate } as const;
  const before = service(worker, "update", { ...policies, container: { secrets: [secretFile(oldId, oldSecret)] } });
  const after = service(worker, "update", { ...policies, container: { secrets: [secretFile(newId, newSecret)] } });
  const id = await scene.createService(before);
  await scene.cluster.running(id, 2);
  const holds = async (secret: string, text: string): Promise<void> => {
    const tasks = await scene.cluster.running(id, 2);
    for (const task of tasks) expect(await exec(worker, task, "cat", `/run/secrets/${secret}`)).toBe(text);
    for (const task of tasks) expect(await exec(worker, task, "ls", "/run/secrets")).toBe(secret);
    await scene.runsOnly(worker, id, tasks.map(containerIdOf));
  };
  await holds(oldSecret, "old");
  await scene.updateService(id, after);
  await eventually(async () => expect(await scene.updateState(id)).toBe("COMPLETED"));
  await holds(newSecret, "new");
  await scene.updateService(id);
  await eventually(async () => expect(await scene.updateState(id)).toBe("ROLLBACK_COMPLETED"));
  await holds(oldSecret, "old");
  await scene.removeService(worker, id);
});

matrix.scenario("an update that fails is paused, and rolled back where the service says so", async (version) => {
  const worker = scene.of(version);
  // Nobody waits for its end: the tasks fail at once.
  const update = { ...quickUpdate, monitor: wireDuration(seconds(30)) };
  const bad = { replicas: 2, script: "exit 3" };
  for (const [failureAction, end] of [
    ["PAUSE", "PAUSED"],
    ["ROLLBACK", "ROLLBACK_COMPLETED"],
  ] as const) {
    const policies = { update: { ...update, failureAction }, rollback: quickUpdate };
    const id = await scene.createService(
      service(worker, `bad-${end.slice(0, 4).toLowerCase()}`, { replicas: 2, ...policies }),
    );
    await scene.cluster.running(id, 2);
    await scene.updateService(id, service(worker, `bad-${end.slice(0, 4).toLowerCase()}`, { ...bad, ...policies }));
    await eventually(async () => expect(await scene.updateState(id)).toBe(end));
    if (end === "ROLLBACK_COMPLETED") await scene.cluster.running(id, 2);
    await scene.removeService(worker, id);
  }
});

matrix.scenario("scaling up, down and removal leave nothing behind", async (version) => {
  const worker = scene.of(version);
  const id = await scene.createService(service(worker, "scale"));
  await scene.cluster.running(id, 1);
  await scene.updateService(id, service(worker, "scale", { replicas: 6 }));
  await scene.cluster.running(id, 6);
  await scene.updateService(id, service(worker, "scale", { replicas: 2 }));
  const left = await scene.cluster.running(id, 2);
  await scene.hasContainers(worker, id, left.map(containerIdOf));
  await scene.removeService(worker, id);
  await eventually(async () => expect(await scene.cluster.tasks(id)).toEqual([]));
});

matrix.scenario("a task that ends is started again", async (version) => {
  const worker = scene.of(version);
  const id = await scene.createService(service(worker, "restart"));
  const [victim] = await scene.cluster.running(id, 1);
  await worker.engine.docker("kill", containerIdOf(victim));
  await scene.cluster.running(id, 1, ([task]) => task?.id !== victim?.id);
  const dead = (await scene.cluster.tasks(id)).find((task) => task.id === victim?.id);
  expect(dead?.status?.err).toBe("task: non-zero exit (137)");
  await scene.removeService(worker, id);
});

matrix.scenario("a host port is published", async (version) => {
  const worker = scene.of(version);
  const spec = service(worker, "port", { script: "while true; do echo served | nc -l -p 80; done & :" });
  const ports = [{ protocol: "TCP", targetPort: 80, publishedPort: 8_080, publishMode: "HOST" }] as const;
  const id = await scene.createService({ ...spec, endpoint: { ports: [...ports] } });
  const [task] = await scene.cluster.running(id, 1);
  expect(task?.status?.portStatus?.ports?.[0]?.publishedPort).toBe(8_080);
  await scene.removeService(worker, id);
});

matrix.scenario("service logs: all, the last lines, and what follows", async (version) => {
  const worker = scene.of(version);
  const script = "echo one; echo two; echo three >&2; (while sleep 0.5; do echo more; done) & :";
  const id = await scene.createService(service(worker, "logs", { script }));
  await scene.cluster.running(id, 1);
  await eventually(async () => expect(await scene.log(id)).toContain("three"));
  // Nobody promises an order between the two streams.
  const printed = (await scene.log(id)).filter((line) => line !== "three");
  expect(printed.slice(0, 2)).toEqual(["one", "two"]);
  expect(await scene.log(id, { tail: 1 })).toHaveLength(1);
  const followed = await scene.log(id, { tail: 0, until: (lines) => lines.length >= 2 });
  expect(new Set(followed)).toEqual(new Set(["more"]));
  await scene.removeService(worker, id);
});

matrix.commonScenario("no secret in a manager's log", async () => {
  for (const daemon of scene.cluster.daemons) {
    const log = await readFile(daemon.logFile, "utf8");
    expect(log.length).toBeGreaterThan(0);
    expect(log).not.toContain(secretText);
  }
});

matrix.isDocumented();
