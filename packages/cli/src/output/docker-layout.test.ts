// Lists and pages against what docker printed for the same objects (fixtures/docker-28.2.2).
import { readFileSync } from "node:fs";
import { type Instant, seconds } from "@mswarm/runtime";
import { SimulatedClock } from "@mswarm/runtime/simulated";
import type { Config, Node, PluginDescription, Secret, Service, Task, TaskState } from "@mswarm/wire";
import { expect, test } from "vitest";
import { run, shellWords, type TestRun, type TestSetting } from "../testing/test-context.ts";
import { ago, humanDuration } from "./human-time.ts";

const file = (name: string): string =>
  readFileSync(new URL(`../../fixtures/docker-28.2.2/${name}`, import.meta.url), "utf8");

/** What docker printed for a command, and its exit code; the n-th time it was run. */
function recorded(command: string, occurrence = 0): { text: string; exitCode: number } {
  const runs = file("outputs.txt")
    .split(/^### docker /m)
    .filter((part) => part.startsWith(`${command}\n`));
  const part = runs[occurrence] ?? "";
  const [, text = "", code = ""] = /^[^\n]*\n(?<text>.*?)### exit (?<code>\d+)\n$/s.exec(part) ?? [];
  return { text, exitCode: Number(code) };
}

interface DockerObject {
  readonly ID: string;
  readonly CreatedAt: string;
  readonly UpdatedAt: string;
}
const [dockerNode] = JSON.parse(file("node.json")) as [
  DockerObject & {
    readonly Description: {
      readonly Engine: { readonly Plugins: readonly { Type: string; Name: string }[] };
      readonly TLSInfo: {
        readonly TrustRoot: string;
        readonly CertIssuerSubject: string;
        readonly CertIssuerPublicKey: string;
      };
    };
  },
];

/** `2026-11-22T02:03:40.087658717Z` as the wire has it. */
function wireTime(text: string): { seconds: string; nanos: number } {
  const [start = "", fraction = ""] = text.replace("Z", "").split(".");
  return { seconds: String(Date.parse(`${start}Z`) / 1_000), nanos: Number(fraction.padEnd(9, "0")) };
}

const plugins: PluginDescription[] = dockerNode.Description.Engine.Plugins.map(({ Type, Name }) => ({
  type: Type,
  name: Name,
}));
const tls = dockerNode.Description.TLSInfo;
const nodeId = dockerNode.ID;
const node: Node = {
  id: nodeId,
  meta: {
    version: { index: "9" },
    createdAt: wireTime(dockerNode.CreatedAt),
    updatedAt: wireTime(dockerNode.UpdatedAt),
  },
  spec: { annotations: {}, desiredRole: "MANAGER", membership: "ACCEPTED" },
  role: "MANAGER",
  description: {
    hostname: "vm",
    platform: { architecture: "x86_64", os: "linux" },
    resources: { nanoCpus: "2000000000", memoryBytes: "25276502016" },
    engine: { engineVersion: "20.10.24+dfsg1", plugins },
    tlsInfo: {
      trustRoot: Buffer.from(tls.TrustRoot),
      certIssuerSubject: Buffer.from(tls.CertIssuerSubject, "base64"),
      certIssuerPublicKey: Buffer.from(tls.CertIssuerPublicKey, "base64"),
    },
  },
  status: { state: "READY", addr: "10.99.0.1" },
  managerStatus: { raftId: "1", addr: "10.99.0.1:2377", leader: true, reachability: "REACHABLE" },
};

const start = Date.parse("2026-11-22T02:04:00Z") as Instant;
const secondsAgo = (count: number): { seconds: string } => ({ seconds: String(start / 1_000 - count) });
const stamps = {
  version: { index: "24" },
  createdAt: wireTime("2026-11-22T02:03:40.048683145Z"),
  updatedAt: wireTime("2026-11-22T02:03:40.048683145Z"),
};

const host = { id: "6pbnbsmqav0vsrnp72q2wqy9t", spec: { annotations: { name: "host" } } };
const service = (id: string, name: string, more: object = {}): Service => ({
  id,
  meta: stamps,
  spec: { annotations: { name }, task: { container: { image: "bb:1" } }, replicated: { replicas: "2" }, ...more },
});
const services: Service[] = [
  service("ysigi2w9srrncz1whdkh30cqk", "web"),
  service("gwvilgroh0mcmviukpi0ea76y", "glob", { replicated: undefined, global: {} }),
  service("w08mtj0b6w6c86w2q6x3k5btj", "full", {
    task: { container: { image: "bb:1" }, placement: { maxReplicas: "3" } },
  }),
];
const statuses = [
  { serviceId: "ysigi2w9srrncz1whdkh30cqk", runningTasks: "2", desiredTasks: "2" },
  { serviceId: "gwvilgroh0mcmviukpi0ea76y", runningTasks: "0", desiredTasks: "1" },
  { serviceId: "w08mtj0b6w6c86w2q6x3k5btj", runningTasks: "0", desiredTasks: "0" },
];

interface TaskRow {
  readonly id: string;
  readonly slot: number;
  readonly image: string;
  readonly desired: TaskState;
  readonly state: TaskState;
  readonly since: number;
  readonly created: number;
}
const task = (row: TaskRow): Task => ({
  id: row.id,
  serviceId: "ysigi2w9srrncz1whdkh30cqk",
  slot: String(row.slot),
  nodeId,
  meta: { createdAt: secondsAgo(row.created) },
  spec: { container: { image: row.image } },
  desiredState: row.desired,
  status: { state: row.state, timestamp: secondsAgo(row.since) },
});

const payloadMeta = { version: { index: "24" }, createdAt: secondsAgo(56), updatedAt: secondsAgo(56) };
const secret: Secret = { id: "piclpf5e9qfza9818akb6hody", meta: payloadMeta, spec: { annotations: { name: "s1" } } };
const config: Config = {
  id: "nyprt4omjx3l0mu6006lqfzm8",
  meta: payloadMeta,
  spec: { annotations: { name: "c1" }, data: Buffer.from("hello\n") },
};

const setting: TestSetting = {
  clock: new SimulatedClock(start),
  daemon: { Status: async () => ({ nodeId }) },
  control: {
    ListNodes: async () => ({ nodes: [node] }),
    GetNode: async ({ nodeId: id }) => (id === nodeId ? { node } : {}),
    ListServices: async () => ({ services }),
    ListServiceStatuses: async () => ({ statuses }),
    ListNetworks: async () => ({ networks: [host] }),
    ListSecrets: async () => ({ secrets: [secret] }),
    GetSecret: async () => ({ secret }),
    ListConfigs: async () => ({ configs: [config] }),
    GetConfig: async () => ({ config }),
  },
};

async function mswarm(command: string, more: TestSetting["control"] = {}): Promise<TestRun> {
  return await run(shellWords(command), { ...setting, control: { ...setting.control, ...more } });
}

test.each([
  "node ls",
  "node ls -q",
  "service ls",
  "service ls --format json",
  "service ls -q",
  "secret ls",
  "secret ls --format json",
  "secret ls -q",
  "config ls",
  "config ls --format json",
])("`%s` prints what docker prints", async (command) => {
  const result = await mswarm(command);
  expect(result.out).toBe(recorded(command).text);
  expect(result.exitCode).toBe(0);
});

test("`node ls --format json` has docker's fields", async () => {
  const docker = JSON.parse(recorded("node ls --format json").text) as Record<string, unknown>;
  const { TLSStatus: _not, ...fields } = docker;
  expect(JSON.parse((await mswarm("node ls --format json")).out)).toMatchObject(fields);
});

test.each([
  ["node inspect self", "node.json"],
  ["node inspect --pretty self", "node.txt"],
])("`%s` prints what docker prints", async (command, name) => {
  expect((await mswarm(command)).out).toBe(file(name));
});

test("`service ps` shows the history of a slot below it", async () => {
  const tasks = [
    task({
      id: "ckbxdtxirxgg0",
      slot: 3,
      image: "bb:1",
      desired: "SHUTDOWN",
      state: "RUNNING",
      since: 11,
      created: 40,
    }),
    task({ id: "sg7uwd9j00k20", slot: 3, image: "bb:2", desired: "READY", state: "READY", since: 11, created: 20 }),
    task({
      id: "a1l2xu339tan0",
      slot: 2,
      image: "bb:1",
      desired: "SHUTDOWN",
      state: "SHUTDOWN",
      since: 11,
      created: 40,
    }),
    task({ id: "uoo1e0mibwd00", slot: 2, image: "bb:2", desired: "RUNNING", state: "RUNNING", since: 11, created: 20 }),
    task({ id: "tezn8esypzf40", slot: 1, image: "bb:1", desired: "RUNNING", state: "RUNNING", since: 36, created: 40 }),
  ];
  const result = await mswarm("service ps web", {
    GetService: async () => ({ service: services[0] ?? {} }),
    ListTasks: async () => ({ tasks }),
  });
  expect(result.out).toBe(recorded("service ps web", 1).text);
});

test("errors of tasks are quoted and cut, whole with --no-trunc", async () => {
  const failed = task({
    id: "ckbxdtxirxgg0",
    slot: 1,
    image: "bb:1@sha256:00",
    desired: "SHUTDOWN",
    state: "FAILED",
    since: 90,
    created: 1,
  });
  const err = 'starting container failed: exec "nope" not found';
  const control = {
    GetService: async () => ({ service: services[0] ?? {} }),
    ListTasks: async () => ({ tasks: [{ ...failed, status: { ...failed.status, err } }] }),
  };
  const short = (await mswarm("service ps web", control)).out;
  expect(short).toContain('"starting container failed: ex…"');
  expect(short).toContain("Failed about a minute ago");
  expect(short).toContain("bb:1   ");
  const long = (await mswarm("service ps --no-trunc web", control)).out;
  expect(long).toContain(JSON.stringify(err));
  expect(long).toContain("bb:1@sha256:00");
});

test("templates are filled, and unknown fields named", async () => {
  expect((await mswarm("service ls --format '{{.Name}}: {{.Replicas}}'")).out).toBe(
    "full: 0/0 (max 3 per node)\nglob: 0/1\nweb: 2/2\n",
  );
  expect((await mswarm("service ls --format 'table {{.Name}}\\t{{.Mode}}'")).out).toMatch(
    /^NAME {6}MODE\nfull {6}replicated\n/,
  );
  const wrong = await mswarm("service ls --format '{{.Nope}}'");
  expect(wrong).toMatchObject({ exitCode: 2, out: "" });
  expect(wrong.err).toContain("there are .ID, .Name");
  const broken = await mswarm("service ls --format '{{range .}}x'");
  expect(broken).toMatchObject({ exitCode: 2, out: "" });
  expect(broken.err).toContain("template parsing error: template: :1: unexpected EOF");
  const loud = "{{if eq .Mode `global`}}{{upper .Name}}{{else}}{{pad (truncate .Name 2) 1 0}}{{end}}";
  expect((await mswarm(`service ls --format '${loud}'`)).out).toBe(" fu\nGLOB\n we\n");
  expect((await mswarm("service ls --format '{{json .Name}}'")).out).toBe('"full"\n"glob"\n"web"\n');
  expect((await mswarm("service ls --format 'table {{upper .Name}}|{{.Mode}}'")).out).toMatch(/^NAME\|MODE\nFULL\|/);
  expect((await mswarm("node inspect self --format '{{.Status.State}} {{json .Spec.Labels}}'")).out).toBe("ready {}\n");
});

test("`secret inspect` never shows the data, `config inspect` does", async () => {
  const withData = { ...secret, meta: stamps, spec: { ...secret.spec, data: Buffer.from("hidden") } };
  const shown = (await mswarm("secret inspect s1", { GetSecret: async () => ({ secret: withData }) })).out;
  expect(shown).not.toContain(Buffer.from("hidden").toString("base64"));
  expect(JSON.parse(shown)).toMatchObject([
    { ID: secret.id, CreatedAt: "2026-11-22T02:03:40.048683145Z", Spec: { Name: "s1", Labels: {} } },
  ]);
  expect(JSON.parse((await mswarm("config inspect c1")).out)).toMatchObject([
    { Spec: { Name: "c1", Data: "aGVsbG8K" } },
  ]);
  expect((await mswarm("config inspect --pretty c1")).out).toMatch(/Data:\nhello\n\n$/);
});

test("tables are as wide as their widest cell", async () => {
  const long = service("ysigi2w9srrncz1whdkh30cqk", "a-service-with-quite-a-long-name");
  const { out } = await mswarm("service ls", { ListServices: async () => ({ services: [long] }) });
  const [header = "", row = ""] = out.split("\n");
  expect(header.indexOf("MODE")).toBe(row.indexOf("replicated"));
  expect(row).toContain("a-service-with-quite-a-long-name   replicated");
});

test("times in the future and spans of all sizes have words", async () => {
  expect(ago(undefined, start)).toBe("");
  const spans: [number, string][] = [
    [0.5, "Less than a second"],
    [1, "1 second"],
    [59, "59 seconds"],
    [60, "About a minute"],
    [3_600, "About an hour"],
    [7_200, "2 hours"],
    [86_400 * 3, "3 days"],
    [86_400 * 21, "3 weeks"],
    [86_400 * 90, "3 months"],
    [86_400 * 800, "2 years"],
  ];
  for (const [count, words] of spans) expect(humanDuration(seconds(count))).toBe(words);
});
