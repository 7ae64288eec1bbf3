// The same service on Docker's own swarm and on an mswarm worker, on one engine: the two containers must be alike, field by
// field of `docker inspect`, for everything that a service of API 1.41 can say on Linux.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { serviceSpec } from "@mswarm/docker-json";
import { dockerodeEngine } from "@mswarm/engine";
import { cryptoRandom, invariant, newId, silentLogger, systemClock } from "@mswarm/runtime";
import type { Config, Secret, ServiceSpec, Task } from "@mswarm/wire";
import { createWorker, FileTaskJournal, TmpfsSecretMount } from "@mswarm/worker";
import { FakeManager } from "@mswarm/worker/testing";
import Dockerode from "dockerode";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DockerEngine, startDockerEngine } from "../support/docker-engine.ts";
import { eventually } from "../support/eventually.ts";
import { stayUp } from "../support/service-specs.ts";
import { TestNetwork } from "../support/test-network.ts";

const run = promisify(execFile);
const random = cryptoRandom();
const clock = systemClock();
const log = silentLogger();
const nodeId = newId(random);
const hostname = "parity";
const running = ["sh", "-c", stayUp];

type JsonRecord = Readonly<Record<string, unknown>>;
interface Side {
  readonly containerId: string;
  readonly inspected: JsonRecord;
}

let network: TestNetwork;
let docker: DockerEngine;
let api: Dockerode;
let dockerNode: { readonly ID: string; readonly hostname: string };
const manager = new FakeManager();
let stopWorker: () => Promise<void> = async () => undefined;
let secretsFolder: string;
const secrets = new Map<string, Secret>();
const configs = new Map<string, Config>();

beforeAll(async () => {
  // On a machine of its own: a swarm makes networks, and on the host they would be those of every engine there.
  network = await TestNetwork.start();
  const machine = await network.machine("dockers-own");
  docker = await startDockerEngine({ machine });
  api = new Dockerode({ socketPath: docker.address.slice("unix://".length), host: undefined });
  await cli("swarm", "init", "--advertise-addr", machine.address, "--listen-addr", machine.address);
  const info = (await api.info()) as { Swarm: { NodeID: string }; Name: string };
  dockerNode = { ID: info.Swarm.NodeID, hostname: info.Name };
  secretsFolder = join(docker.folder, "secrets");
  const abort = new AbortController();
  const worker = createWorker({
    nodeId,
    engine: dockerodeEngine(docker.address),
    connect: manager.connect,
    overrides: () => ({ hostname }),
    secretMount: new TmpfsSecretMount(secretsFolder, { random, log }),
    journal: new FileTaskJournal(join(docker.folder, "journal"), { log }),
    clock,
    random,
    log,
  });
  const ended = worker.run(abort.signal);
  stopWorker = async () => {
    await worker.leave(new AbortController().signal);
    await ended;
  };
  await createPayloads();
});
afterAll(async () => {
  await stopWorker();
  await cli("swarm", "leave", "--force").catch(() => undefined);
  await docker?.stop();
  await network?.stop();
});

async function cli(...args: readonly string[]): Promise<string> {
  return (await run("docker", ["-H", docker.address, ...args])).stdout.trim();
}

const templating = { Name: "golang" };
const wireTemplating = { name: "golang" };
/** Without the node's hostname and platform, which Docker's workers leave empty in secrets and configs. */
const template = [
  "{{.Service.Name}} {{.Service.ID}} {{.Task.Slot}} {{.Task.Name}} {{.Node.ID}}",
  '{{with index .Service.Labels "com.example/tier"}}tier={{.}}{{else}}no tier{{end}}',
  '{{range $k, $v := .Service.Labels}}{{$k}}:{{$v | printf "%q"}};{{end}}',
  '{{env "WHO"}} {{env "ABSENT"}}. {{config "plain.conf"}} {{join "-" "a" (env "WHO") .Task.Slot}}',
  '{{if and (eq .Task.Slot "1") (ne (len .Service.Name) 0)}}first{{end}} {{- "trimmed" -}}   !',
  '{{$x := slice .Service.ID 0 4 | len}}{{printf "%03d|%-6s|%v" $x "ab" true}} {{html "<&>"}} {{urlquery "a b"}} {{print 1 2 "x"}}',
].join("\n");

async function createPayloads(): Promise<void> {
  const payloads = [
    { name: "password", data: "correct horse", driver: undefined },
    { name: "templated", data: `${template}\n{{secret "password"}}`, driver: templating },
  ];
  for (const { name, data, driver } of payloads) {
    const body = { Name: name, Data: Buffer.from(data).toString("base64"), ...(driver && { Templating: driver }) };
    const { id } = (await api.createSecret(body)) as { id: string };
    const spec = { annotations: { name }, data: Buffer.from(data), ...(driver && { templating: wireTemplating }) };
    secrets.set(name, { id, spec });
  }
  const plain = [
    { name: "plain", data: "plain=1", driver: undefined },
    { name: "page", data: template, driver: templating },
  ];
  for (const { name, data, driver } of plain) {
    const body = { Name: name, Data: Buffer.from(data).toString("base64"), ...(driver && { Templating: driver }) };
    const { id } = (await api.createConfig(body)) as { id: string };
    const spec = { annotations: { name }, data: Buffer.from(data), ...(driver && { templating: wireTemplating }) };
    configs.set(name, { id, spec });
  }
}

const file = (Name: string, Mode: number, owner = "0") => ({ Name, Mode, UID: owner, GID: owner });
const secretReference = (name: string, target: object) => ({
  SecretID: secrets.get(name)?.id ?? "",
  SecretName: name,
  File: target,
});
const configReference = (name: string, target: object) => ({
  ConfigID: configs.get(name)?.id ?? "",
  ConfigName: name,
  File: target,
});

interface ServiceCase {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly container?: () => JsonRecord;
  readonly task?: JsonRecord;
  readonly ports?: readonly JsonRecord[];
  readonly isGlobal?: boolean;
}

const cases: readonly ServiceCase[] = [
  { name: "bare" },
  { name: "global", isGlobal: true },
  {
    name: "words",
    container: () => ({
      Command: ["sh"],
      Args: ["-c", stayUp],
      Labels: { one: "1", "com.docker.swarm.task": "forged", empty: "" },
      Env: ["A=b", "BARE", "EMPTY=", 'J={"a":{"b":1}}'],
      Dir: "/tmp",
      User: "1000:1001",
      Groups: ["5", "6"],
      Hostname: "named",
      StopSignal: "SIGUSR1",
      StopGracePeriod: 3_500_000_000,
    }),
  },
  { name: "terminal", container: () => ({ TTY: true, OpenStdin: true }) },
  { name: "locked", container: () => ({ ReadOnly: true, Init: true, Isolation: "default" }) },
  { name: "uninit", container: () => ({ Init: false }) },
  {
    name: "healthy",
    container: () => ({
      Healthcheck: {
        Test: ["CMD-SHELL", "true"],
        Interval: 1_000_000_000,
        Timeout: 2_000_000_000,
        StartPeriod: 3_000_000_000,
        Retries: 4,
      },
    }),
  },
  { name: "unchecked", container: () => ({ Healthcheck: { Test: ["NONE"] } }) },
  {
    name: "resolver",
    container: () => ({
      Hosts: ["10.1.2.3 alpha", "::1 gamma"],
      DNSConfig: {
        Nameservers: ["192.0.2.1", "192.0.2.2"],
        Search: ["example.com"],
        Options: ["ndots:2", "timeout:3"],
      },
    }),
  },
  {
    name: "privileges",
    container: () => ({
      CapabilityAdd: ["CAP_NET_ADMIN", "CAP_SYS_TIME"],
      CapabilityDrop: ["CAP_MKNOD", "CAP_CHOWN"],
      Sysctls: { "net.ipv4.ip_unprivileged_port_start": "0", "net.core.somaxconn": "512" },
      Ulimits: [
        { Name: "nofile", Soft: 100, Hard: 200 },
        { Name: "nproc", Soft: 300, Hard: 300 },
      ],
      Privileges: { CredentialSpec: null, SELinuxContext: { Disable: true, User: "", Role: "", Type: "", Level: "" } },
    }),
  },
  {
    name: "selinux",
    container: () => ({
      Privileges: { SELinuxContext: { Disable: false, User: "u", Role: "r", Type: "t", Level: "s0" } },
    }),
  },
  {
    name: "limits",
    task: {
      Resources: {
        Limits: { NanoCPUs: 250_000_000, MemoryBytes: 67_108_864, Pids: 40 },
        Reservations: { NanoCPUs: 100_000_000, MemoryBytes: 33_554_432 },
      },
    },
  },
  {
    name: "mounts",
    container: () => ({
      Mounts: [
        { Type: "bind", Source: "/etc", Target: "/host-etc", ReadOnly: true },
        { Type: "bind", Source: "/usr", Target: "/private", BindOptions: { Propagation: "private" } },
        { Type: "bind", Source: "/var", Target: "/flat", BindOptions: { NonRecursive: true } },
        { Type: "volume", Source: "data-{{.Service.Name}}", Target: "/data/{{.Task.Slot}}" },
        { Type: "volume", Target: "/anonymous" },
        {
          Type: "volume",
          Source: "labelled",
          Target: "/labelled",
          ReadOnly: true,
          VolumeOptions: {
            NoCopy: true,
            Labels: { slot: "{{.Task.Slot}}", plain: "x" },
            DriverConfig: { Name: "local", Options: { type: "tmpfs", device: "tmpfs", o: "size={{.Task.Slot}}m" } },
          },
        },
        { Type: "tmpfs", Target: "/scratch", TmpfsOptions: { SizeBytes: 1_048_576, Mode: 0o770 } },
        { Type: "tmpfs", Target: "/plain", Consistency: "default" },
        { Type: "tmpfs", Target: "/sealed", ReadOnly: true },
      ],
    }),
  },
  {
    name: "logs",
    task: { LogDriver: { Name: "json-file", Options: { "max-size": "1m", "max-file": "2", labels: "one" } } },
  },
  { name: "silent", task: { LogDriver: { Name: "none" } } },
  {
    name: "ports",
    ports: [
      { Protocol: "tcp", TargetPort: 80, PublishedPort: 38_080, PublishMode: "host" },
      { Protocol: "udp", TargetPort: 53, PublishMode: "host" },
    ],
  },
  {
    name: "templates",
    labels: { "com.example/tier": "front", b: '"x"' },
    container: () => ({
      Hostname: '{{.Service.Name}}-{{.Task.Slot}}{{if eq .Node.Platform.OS "linux"}}-l{{end}}',
      Env: [
        "WHO={{.Service.Name}}.{{.Task.Slot}}@{{.Node.Hostname}}",
        'TIER={{index .Service.Labels "com.example/tier" | printf "%q"}}',
        "{{.Task.ID}}=name",
        'L={{range $k, $v := .Service.Labels}}{{$k}}={{$v}},{{end}}{{join ":" "a" "b"}}',
        "ARCH={{.Node.Platform.Architecture}}",
      ],
      Args: ["{{.Task.ID}}"],
      Labels: { raw: "{{.Task.ID}}" },
    }),
  },
  {
    name: "files",
    labels: { "com.example/tier": "front" },
    container: () => ({
      Env: ["WHO=me"],
      Secrets: [
        secretReference("password", file("password", 0o440, "7")),
        secretReference("templated", file("/etc/deep/templated", 0o400)),
      ],
      Configs: [
        configReference("plain", file("plain.conf", 0o444)),
        configReference("page", file("/etc/page", 0o640, "9")),
      ],
    }),
  },
];

/** The service as the API takes it. */
function serviceJson({ name, labels = {}, container, task, ports, isGlobal }: ServiceCase) {
  const own = container?.() ?? {};
  const command = own["Command"] === undefined ? { Command: running } : {};
  return {
    Name: name,
    Labels: labels,
    TaskTemplate: {
      ContainerSpec: { Image: docker.image, StopGracePeriod: 1_000_000_000, ...command, ...own },
      RestartPolicy: { Condition: "none" },
      ...task,
    },
    Mode: isGlobal === true ? { Global: {} } : { Replicated: { Replicas: 1 } },
    ...(ports === undefined ? {} : { EndpointSpec: { Mode: "dnsrr", Ports: ports } }),
  };
}

interface DockerTask {
  readonly ID: string;
  readonly Status: { readonly State: string; readonly ContainerStatus?: { readonly ContainerID: string } };
}

async function onDocker(one: ServiceCase): Promise<Side> {
  const { id } = (await api.createService(JSON.parse(JSON.stringify(serviceJson(one))))) as { id: string };
  return await eventually(async () => {
    const [task] = await (api.listTasks({ filters: { service: [id] } }) as Promise<readonly DockerTask[]>);
    if (task?.Status.State !== "running") throw expect.fail(`${one.name} on Docker: ${JSON.stringify(task?.Status)}`);
    const side = await inspectedSide(task.Status.ContainerStatus?.ContainerID ?? "");
    const known = { [task.ID]: "TASK", [id]: "SERVICE", [dockerNode.ID]: "NODE", [dockerNode.hostname]: "HOSTNAME" };
    return { ...side, inspected: normalised(side, known) };
  });
}

async function onWorker(one: ServiceCase): Promise<Side> {
  const spec: ServiceSpec = serviceSpec.read(JSON.parse(JSON.stringify(serviceJson(one))), {
    struct: "ServiceSpec",
    path: "",
    api: 41,
  });
  const [taskId, serviceId] = [newId(random), newId(random)];
  const task: Task = {
    id: taskId,
    serviceId,
    nodeId,
    ...(one.isGlobal === true ? {} : { slot: "1" }),
    ...(spec.task === undefined ? {} : { spec: spec.task }),
    ...(spec.annotations === undefined ? {} : { serviceAnnotations: spec.annotations }),
    ...(spec.endpoint === undefined ? {} : { endpoint: { spec: spec.endpoint, ports: spec.endpoint.ports ?? [] } }),
    status: { state: "ASSIGNED" },
    desiredState: "RUNNING",
  };
  const needed = [
    ...(spec.task?.container?.secrets ?? []).map(({ secretName = "" }) => ({ secret: secrets.get(secretName) ?? {} })),
    ...(spec.task?.container?.configs ?? []).map(({ configName = "" }) => ({ config: configs.get(configName) ?? {} })),
  ];
  manager.assign(...needed, { task });
  await eventually(() => {
    const status = manager.lastStatus(taskId);
    if (status?.state !== "RUNNING") throw expect.fail(`${one.name} on mswarm: ${JSON.stringify(status)}`);
  });
  const side = await inspectedSide(manager.lastStatus(taskId)?.container?.containerId ?? "");
  return {
    ...side,
    inspected: normalised(side, { [taskId]: "TASK", [serviceId]: "SERVICE", [nodeId]: "NODE", [hostname]: "HOSTNAME" }),
  };
}

async function inspectedSide(containerId: string): Promise<Side> {
  return { containerId, inspected: { ...(await api.getContainer(containerId).inspect()) } };
}

/** Without what differs from container to container, ids and names of the two clusters replaced by words. */
function normalised({ inspected, containerId }: Side, known: Readonly<Record<string, string>>): JsonRecord {
  let text = JSON.stringify(inspected);
  for (const [id, word] of Object.entries({
    ...known,
    [containerId]: "CONTAINER",
    [containerId.slice(0, 12)]: "SHORT",
  })) {
    text = text.replaceAll(id, word);
  }
  const { Created, State, GraphDriver, NetworkSettings, HostConfig, Mounts, Config, ...rest } = JSON.parse(text) as {
    readonly NetworkSettings: { readonly Ports: Readonly<Record<string, readonly JsonRecord[] | null>> };
    readonly HostConfig: { readonly Mounts?: readonly MountJson[]; readonly PortBindings: unknown };
    readonly Mounts: readonly MountJson[];
    readonly Config: JsonRecord;
  } & JsonRecord;
  // Ours says it, so that whoever stops the container later without knowing its task leaves it the same time.
  const { StopTimeout, ...config } = Config;
  expect(StopTimeout).not.toBe(0);
  invariant(Created !== undefined && State !== undefined && GraphDriver !== undefined, "an inspected container");
  return {
    ...rest,
    Config: config,
    // Docker's own secrets do not show as mounts; ours are binds from memory.
    HostConfig: {
      ...HostConfig,
      Mounts: (HostConfig.Mounts ?? []).filter(isOfSpec),
      PortBindings: portsOf(HostConfig.PortBindings),
    },
    Mounts: Mounts.filter(isOfSpec).map(withoutRandomName).sort(byDestination),
    Ports: Object.keys(NetworkSettings.Ports).sort(),
  };
}

interface MountJson {
  readonly Type: string;
  readonly Source?: string;
  readonly Name?: string;
  readonly Destination?: string;
}
const isOfSpec = ({ Source = "" }: MountJson): boolean => !Source.startsWith(`${secretsFolder}/`);
const byDestination = (a: MountJson, b: MountJson): number => ((a.Destination ?? "") < (b.Destination ?? "") ? -1 : 1);
/** An anonymous volume is called by a random number. */
const withoutRandomName = (mount: MountJson): MountJson =>
  /^[0-9a-f]{64}$/.test(mount.Name ?? "") ? { ...mount, Name: "RANDOM", Source: "RANDOM" } : mount;
/** The engine's choice where none was made. */
const portsOf = (bindings: unknown): unknown => bindings;

async function shown(containerId: string, ...command: string[]): Promise<string> {
  return await cli("exec", containerId, ...command);
}

test.each(cases)("$name: the container on an mswarm worker is the one that Docker makes", async (one) => {
  const theirs = await onDocker(one);
  // Ports of the host cannot be had twice, nor can volumes with options be made differently.
  if (one.ports !== undefined) await cli("service", "rm", one.name);
  if (one.ports !== undefined)
    await eventually(async () => expect(await cli("ps", "-q", "--filter", `name=^${one.name}`)).toBe(""));
  const ours = await onWorker(one);
  expect(ours.inspected).toEqual(theirs.inspected);
  if (one.name === "files") await expectEqualFiles(ours.containerId, theirs.containerId);
});

async function expectEqualFiles(ours: string, theirs: string): Promise<void> {
  for (const path of ["/run/secrets/password", "/etc/deep/templated", "/plain.conf", "/etc/page"]) {
    const state = await Promise.all([ours, theirs].map((id) => shown(id, "stat", "-c", "%a %u:%g", path)));
    expect(state[0]).toBe(state[1]);
    const known = async (id: string): Promise<string> => {
      const labels = await cli("inspect", "--format", "{{json .Config.Labels}}", id);
      const read = JSON.parse(labels) as Record<string, string>;
      let text = await shown(id, "cat", path);
      for (const what of ["task", "service", "node"])
        text = text.replaceAll(read[`com.docker.swarm.${what}.id`] ?? "", what);
      return text.replaceAll(dockerNode.hostname, "HOSTNAME").replaceAll(hostname, "HOSTNAME");
    };
    expect(await known(ours)).toBe(await known(theirs));
  }
}
