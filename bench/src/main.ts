// Measures mswarm against real Docker swarm in the same run, through gRPC Control on the control socket with one client
// program, and prints ratios (mswarm : Docker; for rates above 1 is better, for times and memory below 1).
// Run as root after a build: node --conditions=mswarm-source bench/src/main.ts [scale]
import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { milliseconds, seconds } from "@mswarm/runtime";
import { dockerSwarm } from "./docker-swarm.ts";
import { startEngine } from "./engine.ts";
import { mswarmSwarm } from "./mswarm-swarm.ts";
import { measure, median, percentile, rateOf } from "./statistics.ts";
import { type Control, type Swarm, type SwarmNode, tokensOf, until, withControl } from "./swarm.ts";

const run = promisify(execFile);
/** Repetitions are divided by this for a quick look. */
const scale = Number(process.argv[2] ?? 1);
const count = (full: number): number => Math.max(32, Math.round(full / scale));

type Figures = Map<string, number>;

async function timed(figures: Figures, name: string, work: () => Promise<unknown>): Promise<void> {
  const started = performance.now();
  await work();
  figures.set(name, performance.now() - started);
}

async function secrets(figures: Figures, control: Control, managers: number): Promise<void> {
  for (const callers of [1, 32]) {
    const create = (index: number) =>
      control.CreateSecret(
        { spec: { annotations: { name: `s-${managers}-${callers}-${index}` }, data: Buffer.alloc(256, 7) } },
        { timeout: seconds(30) },
      );
    const sample = await measure(count(callers === 1 ? 500 : 4_000), callers, create);
    const label = `secret create, ${managers} manager${managers > 1 ? "s" : ""}, ${callers} caller${callers > 1 ? "s" : ""}`;
    figures.set(`${label}: per second`, rateOf(sample));
    figures.set(`${label}: p50 ms`, median(sample.latencies));
    figures.set(`${label}: p99 ms`, percentile(sample.latencies, 0.99));
  }
}

const serviceSpec = (name: string, image: string, replicas: number) => ({
  annotations: { name },
  task: {
    container: { image, command: ["/bin/sh", "-c", "exec sleep 100000"], stopGracePeriod: { seconds: "0", nanos: 1 } },
  },
  replicated: { replicas: String(replicas) },
});

async function serviceStart(figures: Figures, control: Control, image: string): Promise<void> {
  const spans: number[] = [];
  for (let round = 0; round < 7; round += 1) {
    const started = performance.now();
    const { service } = await control.CreateService(
      { spec: serviceSpec(`run-${round}`, image, 1) },
      { timeout: seconds(20) },
    );
    const serviceId = service?.id ?? "";
    await until("the task runs", 60_000, async () => {
      const { tasks = [] } = await control.ListTasks({ filters: { serviceIds: [serviceId] } }, { timeout: seconds(5) });
      return tasks.some((task) => task.status?.state === "RUNNING");
    });
    spans.push(performance.now() - started);
    await control.RemoveService({ serviceId }, { timeout: seconds(20) });
  }
  figures.set("service create → task running: p50 ms", median(spans));
}

async function memory(figures: Figures, node: SwarmNode, control: Control, image: string): Promise<void> {
  await measure(count(1_000), 32, (index) =>
    control.CreateService({ spec: serviceSpec(`idle-${index}`, image, 0) }, { timeout: seconds(60) }),
  );
  figures.set("memory with 1,000 services and 1,000 secrets: MiB", (await node.residentBytes()) / 2 ** 20);
}

async function failover(figures: Figures, leader: SwarmNode, survivor: SwarmNode): Promise<void> {
  await withControl(survivor, async (control) => {
    const write = (index: number) =>
      control.CreateSecret(
        { spec: { annotations: { name: `failover-${index}` }, data: Buffer.from("x") } },
        { timeout: milliseconds(1_000) },
      );
    await write(0);
    const started = performance.now();
    await leader.kill();
    let index = 1;
    await until("a write succeeds", 120_000, async () =>
      write(index++).then(
        () => true,
        () => false,
      ),
    );
    figures.set("leader SIGKILL → next write: ms", performance.now() - started);
  });
}

async function measureSwarm(swarm: Swarm): Promise<Figures> {
  const figures: Figures = new Map();
  const nodes: SwarmNode[] = [];
  const start = async (): Promise<SwarmNode> => {
    const node = await swarm.start();
    nodes.push(node);
    return node;
  };
  const say = (text: string): void => console.error(`${swarm.name}: ${text}`);
  try {
    say("one manager");
    let first!: SwarmNode;
    await timed(figures, "daemon start: ms", async () => {
      first = await start();
    });
    await timed(figures, "cluster start, 1 manager (init): ms", () => first.init());
    figures.set("memory idle, 1 manager: MiB", (await first.residentBytes()) / 2 ** 20);
    await withControl(first, async (control) => {
      await until("the node is ready", 30_000, async () => {
        const { nodes: known = [] } = await control.ListNodes({}, { timeout: seconds(5) });
        return known.some((node) => node.status?.state === "READY");
      });
      say("service start");
      await serviceStart(figures, control, swarm.image);
      say("secrets");
      await secrets(figures, control, 1);
      say("memory");
      await memory(figures, first, control, swarm.image);
    });
    for (const node of nodes.splice(0)) await node.destroy();

    say("three managers");
    const [leader, second, third, worker] = [await start(), await start(), await start(), await start()];
    await timed(figures, "cluster start, 3 managers (init + 2 joins): ms", async () => {
      await leader.init();
      const { manager } = await tokensOf(leader);
      await second.join(manager, leader);
      await third.join(manager, leader);
    });
    const tokens = await tokensOf(leader);
    await timed(figures, "join of a worker: ms", () => worker.join(tokens.worker, leader));
    const fourth = await start();
    await timed(figures, "join of a manager: ms", () => fourth.join(tokens.manager, leader));
    say("leaving three managers");
    await fourth.destroy();
    await withControl(leader, (control) => demote(control, fourth));
    say("secrets");
    await withControl(leader, (control) => secrets(figures, control, 3));
    say("failover");
    await failover(figures, leader, second);
  } finally {
    for (const node of nodes) await node.destroy();
  }
  return figures;
}

/** Takes the dead fourth manager out again, so that the group has three members as before. */
async function demote(control: Control, gone: SwarmNode): Promise<void> {
  const { nodes = [] } = await control.ListNodes({}, { timeout: seconds(20) });
  const node = nodes.find(({ managerStatus }) => managerStatus?.addr === gone.address);
  if (node === undefined) throw new Error("the fourth manager is not listed");
  await control.UpdateNode(
    { nodeId: node.id ?? "", nodeVersion: node.meta?.version ?? {}, spec: { ...node.spec, desiredRole: "WORKER" } },
    { timeout: seconds(20) },
  );
  await until("three managers are left", 30_000, async () => {
    const { nodes: left = [] } = await control.ListNodes({}, { timeout: seconds(5) });
    return left.filter(({ managerStatus }) => managerStatus !== undefined).length === 3;
  });
}

async function makeImage(folder: string): Promise<string> {
  const root = join(folder, "image");
  await mkdir(join(root, "bin"), { recursive: true });
  await copyFile("/bin/busybox", join(root, "bin/busybox"));
  for (const tool of ["sh", "sleep"]) await symlink("busybox", join(root, "bin", tool));
  const archive = join(folder, "image.tar");
  await run("tar", ["-C", root, "-cf", archive, "."]);
  return archive;
}

const folder = await mkdtemp("/tmp/msb-");
const archive = await makeImage(folder);
const engine = await startEngine(archive);
let ours: Figures;
try {
  ours = await measureSwarm(mswarmSwarm(engine));
} finally {
  await engine.stop();
}
const docker = await dockerSwarm(archive);
let theirs: Figures;
try {
  theirs = await measureSwarm(docker);
} finally {
  await docker.close();
  await rm(folder, { recursive: true, force: true });
}

const pad = (text: string, width: number): string => text.padStart(width);
console.log(`${"".padEnd(52)}${pad("mswarm", 12)}${pad("docker", 12)}${pad("ratio", 9)}`);
for (const [name, value] of ours) {
  const other = theirs.get(name) ?? Number.NaN;
  console.log(
    `${name.padEnd(52)}${pad(value.toFixed(1), 12)}${pad(other.toFixed(1), 12)}${pad((value / other).toFixed(2), 9)}`,
  );
}
