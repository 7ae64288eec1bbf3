// The same HTTP requests against a stock Docker swarm and against mswarm; the answers have to be equal once what must
// differ (ids, times, addresses, keys) is taken out. What differs beyond that stands in `known`, with the reason.
import { openUnixChannel } from "@mswarm/rpc";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EngineApiPair, type Side, startEngineApiPair } from "../support/engine-api-pair.ts";
import { eventually } from "../support/eventually.ts";
import type { HttpQuestion } from "../support/http-over-unix.ts";

let pair: EngineApiPair;

beforeAll(async () => {
  pair = await startEngineApiPair();
});
afterAll(async () => {
  await pair?.stop();
});

const filters = (value: object): string => `filters=${encodeURIComponent(JSON.stringify(value))}`;
const image = "mswarm-busybox:test";
const sleeping = { Image: image, Command: ["sleep", "600"], StopGracePeriod: 0 };

/** Every field that both versions have. */
const fullService = {
  Name: "full",
  Labels: { b: "2", a: "<&>" },
  TaskTemplate: {
    ContainerSpec: {
      ...sleeping,
      Labels: { x: "y" },
      Args: ["600"],
      Command: ["sleep"],
      Hostname: "h-{{.Task.Slot}}",
      Env: ["A=1", "B=two words"],
      Dir: "/tmp",
      User: "0:0",
      Groups: ["1", "2"],
      Init: false,
      StopSignal: "SIGUSR1",
      TTY: false,
      ReadOnly: true,
      Mounts: [
        { Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 1048576, Mode: 511 } },
        { Type: "volume", Source: "v", Target: "/v", VolumeOptions: { NoCopy: true, Labels: { k: "v" } } },
        { Type: "bind", Source: "/etc", Target: "/e", ReadOnly: true, BindOptions: { Propagation: "rslave" } },
        { Type: "bind", Source: "/etc", Target: "/f", BindOptions: {} },
      ],
      Healthcheck: { Test: ["CMD", "true"], Interval: 30000000000, Retries: 3 },
      Hosts: ["1.2.3.4 name"],
      DNSConfig: { Nameservers: ["1.1.1.1"], Search: ["example.com"], Options: ["ndots:1"] },
      Sysctls: { "net.core.somaxconn": "1024" },
      CapabilityAdd: ["CAP_NET_ADMIN"],
      CapabilityDrop: ["CAP_MKNOD"],
      Ulimits: [{ Name: "nofile", Hard: 2048, Soft: 1024 }],
      Privileges: { SELinuxContext: { Disable: true }, CredentialSpec: null },
    },
    Resources: {
      Limits: { NanoCPUs: 500000000, MemoryBytes: 67108864, Pids: 100 },
      Reservations: { NanoCPUs: 1000000, MemoryBytes: 6291456 },
    },
    RestartPolicy: { Condition: "on-failure", Delay: 1500000000, MaxAttempts: 3, Window: 0 },
    Placement: {
      Constraints: ["node.role==manager"],
      Preferences: [{ Spread: { SpreadDescriptor: "node.labels.az" } }],
      MaxReplicas: 4,
    },
    LogDriver: { Name: "json-file", Options: { "max-size": "1m" } },
    ForceUpdate: 7,
  },
  Mode: { Replicated: { Replicas: 2 } },
  UpdateConfig: {
    Parallelism: 2,
    Delay: 1000000000,
    FailureAction: "rollback",
    Monitor: 2000000000,
    MaxFailureRatio: 0.1,
    Order: "start-first",
  },
  RollbackConfig: { Parallelism: 0 },
  EndpointSpec: {
    Mode: "dnsrr",
    Ports: [{ Protocol: "tcp", TargetPort: 80, PublishedPort: 18080, PublishMode: "host" }],
  },
};

interface Step extends Omit<HttpQuestion, "method" | "path"> {
  /** `METHOD /path`; `@services/web` in it stands for the version of that object, `@id:services/web` for its id. */
  readonly say: string;
  /** Without which prefix it is sent; 1.41 where absent. */
  readonly version?: string;
  /** Asked again until the answer contains it, on both sides. */
  readonly until?: string;
}

const create = (name: string, more: object = {}, container: object = sleeping): Step => ({
  say: "POST /services/create",
  body: { Name: name, TaskTemplate: { ContainerSpec: container }, ...more },
});
const withTask = (name: string, task: object): Step =>
  create(name, { TaskTemplate: { ContainerSpec: sleeping, ...task } });

const outside: readonly Step[] = [
  { say: "GET /swarm" },
  { say: "GET /nodes" },
  { say: "GET /services" },
  { say: "GET /tasks/x" },
  { say: "POST /secrets/create", body: { Name: "x", Data: "eA==" } },
  { say: "POST /swarm/leave" },
  { say: "POST /swarm/unlock", body: { UnlockKey: "x" } },
  { say: "GET /swarm/unlockkey" },
  { say: "POST /swarm/init", body: "" },
  { say: "POST /swarm/init", body: "{" },
  { say: "POST /swarm/init", body: {} },
  { say: "POST /swarm/init", body: { ListenAddr: "0.0.0.0:2377", Spec: { Name: "other" } } },
  { say: "POST /swarm/join", body: {} },
  { say: "POST /swarm/join", body: { ListenAddr: "0.0.0.0:2377" } },
  {
    say: "POST /swarm/join",
    body: { ListenAddr: "0.0.0.0:2377", RemoteAddrs: ["127.0.0.1:1"], JoinToken: "nonsense" },
  },
];

const inside: readonly Step[] = [
  { say: "POST /swarm/init", body: { ListenAddr: "0.0.0.0:2377" } },
  { say: "POST /swarm/join", body: {} },
  { say: "POST /swarm/leave" },
  { say: "GET /swarm" },
  { say: "GET /swarm/unlockkey" },
  { say: "POST /swarm/unlock", body: { UnlockKey: "x" } },
  { say: "GET /swarm/nope" },
  { say: "DELETE /swarm" },
  { say: "POST /swarm/update", body: {} },
  { say: "POST /swarm/update?version=x", body: {} },
  { say: "POST /swarm/update?version=99999999999999999999", body: {} },
  { say: "POST /swarm/update?version=1", body: {} },
  { say: "POST /swarm/update?version=1", body: { Name: "x" } },
  { say: "POST /swarm/update?version=1&rotateWorkerToken=q", body: {} },
  { say: "POST /swarm/update?version=1", body: { CAConfig: { ExternalCAs: [{ Protocol: "x" }] } } },
  { say: "POST /swarm/update?version=@swarm", body: { CAConfig: { NodeCertExpiry: 1 } } },
  { say: "GET /nodes" },
  { say: "GET /nodes/nope" },
  { say: `GET /nodes?${filters({ role: ["manager"] })}`, until: '"ready"' },
  { say: `GET /nodes?${filters({ role: { worker: true } })}` },
  { say: `GET /nodes?${filters({ role: ["x"] })}` },
  { say: `GET /nodes?${filters({ membership: ["x"] })}` },
  { say: `GET /nodes?${filters({ zz: ["x"] })}` },
  { say: `GET /nodes?${filters({ name: ["nosuch"] })}` },
  { say: `GET /nodes?${filters({ "node.label": ["a=b"] })}` },
  { say: "GET /nodes?filters=x" },
  { say: "GET /nodes?filters=" },
  { say: "POST /nodes/nope/update", body: {} },
  { say: "POST /nodes/nope/update?version=1", body: {} },
  { say: "POST /nodes/nope/update?version=1", body: { Role: "x", Availability: "active" } },
  { say: "POST /nodes/nope/update?version=1", body: { Role: "manager", Availability: "x" } },
  { say: "POST /nodes/nope/update?version=1", body: { Role: "manager", Availability: "active" } },
  { say: "POST /nodes/@self/update?version=1", body: { Role: "manager", Availability: "active" } },
  {
    say: "POST /nodes/@self/update?version=@nodes/@self",
    body: { role: "Manager", AVAILABILITY: "active", Labels: { az: "a" } },
  },
  { say: `GET /nodes?${filters({ "node.label": ["az=a"] })}` },
  { say: "POST /nodes/@self/update?version=@nodes/@self", body: { Role: "worker", Availability: "active" } },
  { say: "DELETE /nodes/nope" },
  { say: "DELETE /nodes/@self" },
  { say: "POST /secrets/create", body: { Name: "s1", Labels: { a: "b" }, Data: "aGVsbG8=" } },
  { say: "POST /secrets/create", body: { Name: "s1", Data: "aGVsbG8=" } },
  { say: "POST /secrets/create", body: { Name: "s2", Data: "!!" } },
  { say: "POST /secrets/create", body: { Name: "s2" } },
  { say: "POST /secrets/create", body: { Name: "s 2", Data: "eA==" } },
  { say: "POST /secrets/create", body: { Data: "eA==" } },
  { say: "POST /secrets/create", body: { Name: 7, Data: "eA==" } },
  { say: "POST /secrets/create", body: { Name: "s3", Data: "eA==", Driver: { Name: "d" } } },
  { say: "POST /secrets/create", version: "1.36", body: { Name: "s4", Data: "eA==", Templating: { Name: "golang" } } },
  { say: "POST /secrets/create", body: { Name: "s5", Data: "eA==", Templating: { Name: "golang" } } },
  { say: "GET /secrets" },
  { say: `GET /secrets?${filters({ names: ["s1"] })}` },
  { say: `GET /secrets?${filters({ name: ["s"], label: ["a"] })}` },
  { say: `GET /secrets?${filters({ label: ["a=c"] })}` },
  { say: `GET /secrets?${filters({ driver: ["c"] })}` },
  { say: "GET /secrets/s1" },
  { say: "GET /secrets/nope" },
  { say: "POST /secrets/s1/update", body: {} },
  { say: "POST /secrets/s1/update?version=1", body: { Name: "s1" } },
  { say: "POST /secrets/nope/update?version=1", body: { Name: "s1" } },
  { say: "POST /secrets/s1/update?version=@secrets/s1", body: { Name: "s1", Data: "aGVsbG8=", Labels: { c: "d" } } },
  { say: "POST /secrets/s1/update?version=@secrets/s1", body: { Name: "s1", Data: "eA==" } },
  { say: "POST /secrets/s1/update?version=@secrets/s1", body: { Name: "other" } },
  { say: "GET /secrets/s1" },
  { say: "POST /configs/create", body: { Name: "c1", Data: "aGVsbG8=" } },
  { say: "POST /configs/create", body: { Name: "c1", Data: "aGVsbG8=" } },
  { say: "POST /configs/create", body: { Name: "c2" } },
  { say: "GET /configs" },
  { say: "GET /configs/c1" },
  { say: "GET /configs/nope" },
  { say: `GET /configs?${filters({ names: ["c1"] })}` },
  { say: "POST /configs/c1/update?version=@configs/c1", body: { Name: "c1", Data: "eA==" } },
  { say: "POST /configs/c1/update?version=q", body: { Name: "c1" } },
  { say: "DELETE /configs/nope" },
  { say: "POST /services/create", body: "" },
  { say: "POST /services/create", body: "{" },
  { say: "POST /services/create", body: "null" },
  { say: "POST /services/create", body: "[]" },
  { say: "POST /services/create", body: { TaskTemplate: { ForceUpdate: "x" } } },
  { say: "POST /services/create", body: { TaskTemplate: { ForceUpdate: 1.5 } } },
  { say: "POST /services/create", body: { TaskTemplate: { ForceUpdate: -1 } } },
  { say: "POST /services/create", body: { TaskTemplate: { ContainerSpec: { Image: 7 } } } },
  { say: "POST /services/create", body: { TaskTemplate: {} } },
  create("bad", {}, {}),
  create("bad", {}, { Image: "UPPER//case" }),
  create("bad name"),
  create("bad", { Mode: { Global: {}, Replicated: {} } }),
  create("bad", { Mode: { Replicated: { Replicas: -1 } } }),
  create("bad", { EndpointSpec: { Mode: "x" } }),
  create("bad", { EndpointSpec: { Mode: "dnsrr", Ports: [{ TargetPort: 80, PublishedPort: 80 }] } }),
  create("bad", { UpdateConfig: { FailureAction: "x" } }),
  create("bad", { UpdateConfig: { Order: "x" } }),
  create("bad", { UpdateConfig: { MaxFailureRatio: 2 } }),
  withTask("bad", { RestartPolicy: { Condition: "x" } }),
  withTask("bad", { Runtime: "zz" }),
  withTask("bad", { Runtime: "attachment" }),
  withTask("bad", { Runtime: "plugin", ContainerSpec: undefined, PluginSpec: { Name: "x" } }),
  withTask("bad", { Runtime: "plugin" }),
  withTask("bad", { Resources: { Limits: { NanoCPUs: 1 } } }),
  withTask("bad", { Resources: { Limits: { MemoryBytes: 1 } } }),
  withTask("bad", { Networks: [{ Target: "nosuch" }] }),
  withTask("bad", { Networks: [{ Target: "none" }] }),
  withTask("bad", { Placement: { Constraints: ["x"] } }),
  create("bad", {}, { ...sleeping, Mounts: [{ Type: "x" }] }),
  create("bad", {}, { ...sleeping, Mounts: [{ Type: "bind", Target: "/t", BindOptions: { Propagation: "x" } }] }),
  create("bad", {}, { ...sleeping, Mounts: [{ Type: "bind" }] }),
  create("bad", {}, { ...sleeping, Configs: [{ ConfigID: "x", ConfigName: "y" }] }),
  create("bad", {}, { ...sleeping, Configs: [{ ConfigID: "x", ConfigName: "y", File: { Name: "f" }, Runtime: {} }] }),
  create("bad", {}, { ...sleeping, Secrets: [{ SecretID: "x", SecretName: "y", File: { Name: "f" } }] }),
  create("bad", {}, { ...sleeping, Privileges: { CredentialSpec: {} } }),
  create("bad", {}, { ...sleeping, Privileges: { CredentialSpec: { File: "f", Registry: "r" } } }),
  { say: "POST /services/create", body: fullService },
  { say: "GET /services/full", until: '"Endpoint":{"Spec":{"Mode"' },
  { say: "GET /services/full?insertDefaults=true" },
  { ...create("web", { Labels: { tier: "front" } }), headers: { "X-Registry-Auth": "e30=" } },
  create("web"),
  create("host", {
    TaskTemplate: { ContainerSpec: { ...sleeping, Env: [null, "A=1"] }, Networks: [{ Target: "host" }] },
  }),
  create("everywhere", { Mode: { Global: {} } }),
  create("job", { Mode: { ReplicatedJob: {} } }, { Image: image, Command: ["true"] }),
  { ...create("oldjob", { Mode: { ReplicatedJob: {} } }), version: "1.40" },
  { ...create("unpinned", {}, { Image: "127.0.0.1:1/x:1" }), version: "1.29" },
  create("", {}, { Image: image, Command: ["echo", "spoken"], TTY: false, Labels: { nameless: "1" } }),
  { say: "GET /services/web" },
  { say: "GET /services/web?insertDefaults=true" },
  { say: "GET /services/web?insertDefaults=x" },
  { say: "GET /services/host" },
  { say: "GET /services/everywhere" },
  { say: "DELETE /services/host" },
  { say: "GET /services/job", until: '"JobStatus"' },
  { say: `GET /tasks?${filters({ service: ["job"] })}`, until: '"State":"complete"' },
  { say: "DELETE /services/job" },
  { say: "GET /services/nope" },
  { say: "GET /services/" },
  { say: "GET /services/web/" },
  { say: "PUT /services" },
  { say: `GET /services?${filters({ name: ["we"] })}` },
  { say: `GET /services?${filters({ name: ["we"] })}&status=true`, until: '"RunningTasks":1' },
  { say: `GET /services?${filters({ name: ["we"] })}&status=true`, version: "1.40" },
  { say: `GET /services?${filters({ mode: ["global"] })}` },
  { say: `GET /services?${filters({ label: ["tier=front"] })}` },
  { say: `GET /services?${filters({ label: ["tier"], id: ["zzz"] })}` },
  { say: `GET /services?${filters({ runtime: ["plugin"] })}` },
  { say: `GET /services?${filters({ zz: ["a"] })}` },
  { say: "GET /services?status=x" },
  { say: `GET /tasks?${filters({ service: ["web"] })}`, until: '"State":"running"' },
  { say: `GET /tasks?${filters({ service: ["web"], "desired-state": ["running"] })}` },
  { say: `GET /tasks?${filters({ service: ["web"], "_up-to-date": ["true"] })}` },
  { say: `GET /tasks?${filters({ service: { nope: true } })}` },
  { say: `GET /tasks?${filters({ node: { nope: true } })}` },
  { say: `GET /tasks?${filters({ "desired-state": { nope: true } })}` },
  { say: `GET /tasks?${filters({ runtime: { attachment: true } })}` },
  { say: "GET /tasks/nope" },
  { say: "POST /tasks/nope" },
  { say: "GET /tasks/nope/logs?stdout=1" },
  { say: "GET /services/nope/logs?stdout=1" },
  { say: "GET /services/web/logs" },
  { say: "GET /services/web/logs?stdout=1&tail=-1" },
  { say: "GET /services/web/logs?stdout=1&tail=x" },
  { say: "GET /services/web/logs?stdout=1&since=x" },
  { say: "POST /services/web/update", body: {} },
  { say: "POST /services/web/update?version=x", body: {} },
  { say: "POST /services/web/update?version=1", body: {} },
  { ...create("web"), say: "POST /services/web/update?version=1" },
  { ...create("web"), say: "POST /services/nope/update?version=1" },
  { ...create("web"), say: "POST /services/web/update?version=1&rollback=zz" },
  { ...create("web"), say: "POST /services/web/update?version=1&registryAuthFrom=zz" },
  { ...create("web"), say: "POST /services/web/update?version=1&registryAuthFrom=previous-spec" },
  { ...create("web"), say: "POST /services/web/update?version=@services/web&rollback=previous" },
  { ...create("other"), say: "POST /services/web/update?version=@services/web" },
  { ...create("web", { Mode: { Global: {} } }), say: "POST /services/web/update?version=@services/web" },
  { ...create("web", { Labels: { tier: "back" } }), say: "POST /services/web/update?version=@services/web" },
  { say: "GET /services/web", until: '"back"' },
  { ...create("web"), say: "POST /services/web/update?version=@services/web&rollback=previous" },
  { say: "GET /services/web", until: '"rollback_completed"' },
  { say: "DELETE /secrets/nope" },
  create(
    "with-secret",
    {},
    {
      ...sleeping,
      Secrets: [{ SecretID: "@id:secrets/s1", SecretName: "s1", File: { Name: "s", UID: "0", GID: "0", Mode: 292 } }],
    },
  ),
  { say: "GET /services/with-secret" },
  { say: "DELETE /secrets/s1" },
  { say: "DELETE /services/with-secret" },
  { say: "DELETE /services/nope" },
  { say: "DELETE /secrets/s1" },
  { say: "DELETE /secrets/s5" },
  { say: "DELETE /configs/c1" },
  // What Traefik asks.
  { say: "GET /services", version: "1.24" },
  {
    say: `GET /tasks?${filters({ service: { web: true }, "desired-state": { running: true } })}`,
    version: "1.24",
    until: '"State":"running"',
  },
  { say: "GET /nodes/@self", version: "1.24" },
  // Unversioned, as docker-py and others do.
  { say: "GET /services/web", version: "" },
  { say: "GET /services/web", version: "1.99" },
  { say: "POST /swarm/leave?force=0" },
];

/** Why an answer is not Docker's, by `METHOD /path` and the number of the step. */
const known: readonly { readonly step: RegExp; readonly reason: string }[] = [
  { step: /^\d+ POST \S+ \{$/, reason: "what is wrong with the JSON is said in the words of another parser; both 400" },
  {
    step: /^\d+ GET \/nodes\?filters=x /,
    reason: "20.10 says 500 here and 400 for services; newer Engines and mswarm 400",
  },
  { step: /"Driver":\{"Name":"d"\}/, reason: "no secret drivers in this version: 501 with a sentence" },
  { step: / GET \/services\/host /, reason: "Docker lists the host network among VirtualIPs, without an address" },
];

const paths = new Map<Side, Map<string, string>>();

/** `@self`, `@id:…` and `@…` on this side. */
async function resolved(text: string, side: Side): Promise<string> {
  const own = paths.get(side) ?? new Map<string, string>();
  paths.set(side, own);
  const get = async <T>(path: string): Promise<T> =>
    JSON.parse((await side.ask({ method: "GET", path: `/v1.41/${path}` })).body.toString()) as T;
  let result = text;
  if (result.includes("@self")) {
    const [node] = own.has("self") ? [] : await get<readonly { readonly ID: string }[]>("nodes");
    const self = own.get("self") ?? node?.ID ?? "";
    own.set("self", self);
    result = result.replaceAll("@self", self);
  }
  for (const [whole, path = ""] of [...result.matchAll(/@id:([\w/-]+)/g)]) {
    result = result.replace(whole, (await get<{ readonly ID: string }>(path)).ID);
  }
  for (const [whole, path = ""] of [...result.matchAll(/(?<==)@([\w/-]+)/g)]) {
    const { Version } = await get<{ readonly Version: { readonly Index: number } }>(path);
    result = result.replace(whole, String(Version.Index));
  }
  return result;
}

async function answer(step: Step, side: Side): Promise<unknown> {
  const [method = "", path = ""] = (await resolved(step.say, side)).split(" ");
  const prefix = step.version === "" ? "" : `/v${step.version ?? "1.41"}`;
  const body = typeof step.body === "object" ? await resolved(JSON.stringify(step.body), side) : step.body;
  const { headers } = step;
  const question = { method, path: `${prefix}${path}`, body, ...(headers === undefined ? {} : { headers }) };
  if (step.until === undefined) return normal(await side.ask(question));
  const wanted = step.until;
  return await eventually(async () => {
    const got = await side.ask(question);
    expect(got.body.toString()).toContain(wanted);
    return normal(got);
  });
}

/** What has to differ is taken out. */
function normal({ status, contentType, body }: { status: number; contentType: string; body: Buffer }): unknown {
  const ids = new Map<string, string>();
  const text = inOrder(body.toString())
    .replace(/"(TrustRoot|CertIssuerSubject|CertIssuerPublicKey)":"[^"]+"/g, '"$1":"<certificate>"')
    .replace(/SWMTKN-1-[0-9a-z]{50}-[0-9a-z]{25}/g, "<token>")
    .replace(/\b[0-9a-f]{64}\b/g, "<container>")
    .replace(/\b[0-9a-z]{25}\b/g, (id) => {
      ids.set(id, ids.get(id) ?? `<id ${ids.size}>`);
      return ids.get(id) ?? "";
    })
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z/g, "<time>")
    .replace(/"Index":\d+/g, '"Index":"<n>"')
    .replace(/"PID":\d+/g, '"PID":"<n>"')
    .replace(/(\d{1,3}\.){3}\d{1,3}/g, "<address>")
    .replace(/"Name":"[a-z]+_[a-z]+"/g, '"Name":"<name>"')
    // Our own label, and the networks that this version of mswarm does not offer to tasks.
    .replace(/"Labels":\{"mswarm.version":"[^"]*"\},/g, "")
    .replace(/\{"Type":"Network","Name":"\w+"\},/g, "")
    .replace(/"Hostname":"[^"]*"/g, '"Hostname":"<name>"');
  try {
    return { status, contentType, body: JSON.parse(text) as unknown };
  } catch {
    return { status, contentType, body: text };
  }
}

/** Lists come by id, which is random: by name here. */
function inOrder(text: string): string {
  if (!text.startsWith("[{")) return text;
  const name = (each: { readonly Spec?: { readonly Name?: string } }): string =>
    (each.Spec?.Name ?? "").replace(/^[a-z]+_[a-z]+$/, "~");
  const list = JSON.parse(text) as { readonly Spec?: { readonly Name?: string } }[];
  return JSON.stringify(list.sort((left, right) => (name(left) < name(right) ? -1 : 1)));
}

async function compare(steps: readonly Step[]): Promise<void> {
  for (const [number, step] of steps.entries()) {
    const [docker, mswarm] = await Promise.all([answer(step, pair.docker), answer(step, pair.mswarm)]);
    const name = `${number} ${step.say} ${typeof step.body === "string" ? step.body : JSON.stringify(step.body ?? "")}`;
    const excuse = known.find(({ step: pattern }) => pattern.test(name));
    if (excuse === undefined) expect.soft(mswarm, name).toEqual(docker);
    else expect.soft(mswarm, `${name} is listed as different (${excuse.reason}) and is equal`).not.toEqual(docker);
  }
}

test("a node outside a swarm answers as Docker does", async () => {
  await compare(outside);
});

test("a swarm is made", async () => {
  for (const side of [pair.docker, pair.mswarm]) {
    const body = {
      ListenAddr: side.listenAddress,
      AdvertiseAddr: side.listenAddress,
      Spec: { Labels: { a: "b" }, Dispatcher: { HeartbeatPeriod: 4_000_000_000 } },
    };
    const made = await side.ask({ method: "POST", path: "/v1.41/swarm/init", body });
    expect(made).toMatchObject({ status: 200, contentType: "application/json" });
    expect(made.body.toString()).toMatch(/^"[0-9a-z]{25}"\n$/);
  }
});

test("a manager answers as Docker does", async () => {
  await compare(inside);
});

test("what is stored is what Docker stores for the same requests", async () => {
  const [docker, mswarm] = await Promise.all([storedSpecs(pair.docker), storedSpecs(pair.mswarm)]);
  expect([...docker.keys()]).toEqual(expect.arrayContaining(["full", "web", "everywhere", "oldjob"]));
  for (const [name, spec] of docker) expect.soft(mswarm.get(name), name).toEqual(spec);
});

/** The specs of services by name, as their manager keeps them; our lists leave out credentials, Docker's do not. */
async function storedSpecs({ controlSocket }: Side): Promise<ReadonlyMap<string, unknown>> {
  const channel = openUnixChannel(controlSocket);
  try {
    const { services = [] } = await channel.client("docker.swarmkit.v1.Control").ListServices({});
    return new Map(
      services.flatMap(({ spec }) => {
        const name = spec?.annotations?.name ?? "";
        return /_/.test(name) ? [] : [[name, JSON.parse(JSON.stringify(spec, withoutCredentials)) as unknown] as const];
      }),
    );
  } finally {
    channel.close();
  }
}

const withoutCredentials = (key: string, value: unknown): unknown => (key === "pullOptions" ? undefined : value);
