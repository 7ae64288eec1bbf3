// What happens to a Docker Engine that is a worker of mswarm managers: it is drained, its certificate is renewed, its leader is
// killed, it is killed itself, its cable is pulled, it leaves, it is thrown out. Certificates live for two minutes here.
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { seconds, wireDuration } from "@mswarm/runtime";
import type { NodeSpec_Availability, ServiceSpecInput } from "@mswarm/wire";
import { afterAll, beforeAll, expect } from "vitest";
import { CompatibilityMatrix } from "../support/compatibility-matrix.ts";
import { engineVersions } from "../support/docker-engine.ts";
import { atHomeIn, type DockerWorker, DockerWorkers, onlyOn, shortCertificates } from "../support/docker-workers.ts";
import { callLimit, eventually } from "../support/eventually.ts";
import { sleeper } from "../support/service-specs.ts";
import { containerIdOf } from "../support/test-cluster.ts";

const inTime = { timeout: callLimit };
const matrix = new CompatibilityMatrix("docker-worker-nodes", engineVersions);

let scene: DockerWorkers;
/** Of each worker, a service that runs on it and nowhere else, for the whole story. */
const steady = new Map<DockerWorker, string>();

beforeAll(async () => {
  scene = await DockerWorkers.start({ hook: shortCertificates });
  // Half of the two minutes that a certificate covers lie 10 seconds after its issue.
  await expireAfter(seconds(70));
  for (const worker of scene.workers) {
    await scene.join(worker);
    steady.set(worker, await scene.createService(service(worker, "steady", { replicas: 2 })));
  }
});
afterAll(() => scene?.stop());

async function expireAfter(validity: ReturnType<typeof seconds>): Promise<void> {
  const nodeCertExpiry = wireDuration(validity);
  await scene.cluster.updateCluster((spec) => ({ ...spec, caConfig: { ...spec.caConfig, nodeCertExpiry } }));
}

function service(
  worker: DockerWorker,
  name: string,
  more: Partial<Parameters<typeof sleeper>[1]> = {},
): ServiceSpecInput {
  const common = { image: worker.engine.image, replicas: 1, constraints: onlyOn(worker) };
  return sleeper(`${name}-${worker.name}`, { ...common, ...more });
}

/** The containers of the steady service that run, by the engine's word. */
async function steadyContainers(worker: DockerWorker): Promise<readonly string[]> {
  const filter = `label=com.docker.swarm.service.id=${steady.get(worker)}`;
  return (await worker.engine.docker("ps", "--quiet", "--no-trunc", "--filter", filter)).split("\n").sort();
}

async function steadyRuns(worker: DockerWorker): Promise<readonly string[]> {
  const tasks = await scene.cluster.running(steady.get(worker) ?? "", 2);
  return tasks.map(containerIdOf).sort();
}

/** A node that is gone is known after 6 s from now on, instead of 15. */
const soonMissed = (): Promise<void> => scene.beatEvery(seconds(2));

/** A new service starts on the worker, its status and its log come back, and it goes without a trace. */
async function obeys(worker: DockerWorker, name: string): Promise<void> {
  const id = await scene.createService(service(worker, name, { script: "echo here I am" }));
  await scene.cluster.running(id, 1);
  await eventually(async () => expect(await scene.log(id)).toContain("here I am"));
  await scene.removeService(worker, id);
}

async function certificate(worker: DockerWorker): Promise<X509Certificate> {
  return new X509Certificate(await readFile(join(worker.engine.dataRoot, "swarm/certificates/swarm-node.crt")));
}

async function setAvailability(worker: DockerWorker, availability: NodeSpec_Availability): Promise<void> {
  await scene.updateNode(worker, (spec) => ({ ...spec, availability }));
}

/** A service that may also run on the mswarm worker, with a task on each of the two. */
async function spread(worker: DockerWorker, name: string): Promise<string> {
  const id = await scene.createService(service(worker, name, { constraints: atHomeIn(worker), replicas: 2 }));
  const nodes = (await scene.cluster.running(id, 2)).map(({ nodeId }) => nodeId);
  expect(nodes).toContain(await scene.nodeId(worker));
  return id;
}

/** Waits until both tasks of a spread service run on the mswarm worker. */
async function runsElsewhere(serviceId: string): Promise<void> {
  const { id: helper } = await scene.cluster.node("w1");
  await scene.cluster.running(serviceId, 2, (tasks) => tasks.every(({ nodeId }) => nodeId === helper));
}

matrix.scenario("certificate renewal, and what follows it on the wire", async (version) => {
  const worker = scene.of(version);
  const containers = await steadyRuns(worker);
  const { id: nodeId } = await scene.node(worker);
  const seen = new Set<string>();
  // The second one is asked for with a certificate that was renewed: from then on the engine offers no ALPN.
  await eventually(async () => {
    const { serialNumber, subject } = await certificate(worker);
    expect(subject).toContain(`CN=${nodeId}`);
    expect(subject).toContain("OU=swarm-worker");
    seen.add(serialNumber);
    expect(seen.size).toBeGreaterThanOrEqual(3);
    // It is renewed 10 to 46 seconds after its issue.
  }, seconds(150));
  await scene.ready(worker);
  await obeys(worker, "renewed");
  expect(await steadyContainers(worker)).toEqual(containers);
});

matrix.commonScenario("the leader is killed: its tasks run on, and the next leader has them", async () => {
  await expireAfter(seconds(3_600));
  const before = await Promise.all(scene.workers.map(steadyRuns));
  const leader = await scene.cluster.leader();
  await leader.kill();
  await scene.cluster.leader();
  await Promise.all(scene.workers.map((worker) => obeys(worker, "next-leader")));
  await Promise.all(scene.workers.map((worker) => scene.ready(worker)));
  expect(await Promise.all(scene.workers.map(steadyRuns))).toEqual(before);
  expect(await Promise.all(scene.workers.map(steadyContainers))).toEqual(before);
  await leader.start();
});

matrix.scenario("pause, drain and activate", async (version) => {
  const worker = scene.of(version);
  await setAvailability(worker, "PAUSE");
  const constraints = atHomeIn(worker);
  const id = await scene.createService(service(worker, "moving", { constraints, replicas: 2 }));
  await runsElsewhere(id);
  const kept = await steadyRuns(worker);
  expect(await steadyContainers(worker)).toEqual(kept);
  await setAvailability(worker, "DRAIN");
  await eventually(async () => expect(await worker.engine.docker("ps", "--quiet")).toBe(""));
  await setAvailability(worker, "ACTIVE");
  const back = await steadyRuns(worker);
  expect(back.filter((container) => kept.includes(container))).toEqual([]);
  await scene.removeService(worker, id);
});

matrix.scenario("the engine is restarted: it comes back with new containers", async (version) => {
  const worker = scene.of(version);
  const before = await steadyRuns(worker);
  await worker.engine.restart();
  await scene.ready(worker);
  await eventually(async () => {
    const now = await steadyRuns(worker);
    expect(now.filter((id) => before.includes(id))).toEqual([]);
    expect(await steadyContainers(worker)).toEqual(now);
  });
  await obeys(worker, "restarted");
});

matrix.scenario("the engine is killed: its task runs elsewhere, and it comes back", async (version) => {
  const worker = scene.of(version);
  await soonMissed();
  const id = await spread(worker, "fleeing");
  const nodeId = await scene.nodeId(worker);
  await worker.engine.kill();
  await scene.down(worker, nodeId);
  await runsElsewhere(id);
  await worker.engine.start();
  await scene.ready(worker);
  await scene.runsNothing(worker, id);
  await steadyRuns(worker);
  await obeys(worker, "killed");
  await scene.removeService(worker, id);
});

matrix.scenario("its cable is pulled: its task runs elsewhere, and what it still ran is stopped", async (version) => {
  const worker = scene.of(version);
  await soonMissed();
  const id = await spread(worker, "cut");
  const nodeId = await scene.nodeId(worker);
  await worker.machine.cut();
  try {
    await scene.down(worker, nodeId);
    await runsElsewhere(id);
  } finally {
    await worker.machine.heal();
  }
  await scene.ready(worker);
  await scene.runsNothing(worker, id);
  await obeys(worker, "healed");
  await scene.removeService(worker, id);
});

matrix.scenario("docker swarm leave: its tasks move, and it joins again as another node", async (version) => {
  const worker = scene.of(version);
  await soonMissed();
  const id = await spread(worker, "left");
  const nodeId = await scene.nodeId(worker);
  expect(await worker.engine.docker("swarm", "leave")).toBe("Node left the swarm.");
  await scene.down(worker, nodeId);
  expect(await worker.engine.docker("ps", "--quiet")).toBe("");
  await runsElsewhere(id);
  await eventually(async () => (await scene.cluster.control()).RemoveNode({ nodeId }, inTime));
  await scene.join(worker);
  expect(await scene.nodeId(worker)).not.toBe(nodeId);
  await steadyRuns(worker);
  await obeys(worker, "again");
  await scene.removeService(worker, id);
});

matrix.scenario("a node removed by force is shut out, and can join again", async (version) => {
  const worker = scene.of(version);
  const nodeId = await scene.nodeId(worker);
  const control = await scene.cluster.control();
  await expect(control.RemoveNode({ nodeId }, inTime)).rejects.toThrow(/is not down and can't be removed/);
  await control.RemoveNode({ nodeId, force: true }, inTime);
  await expect(control.GetNode({ nodeId }, inTime)).rejects.toThrow(/not found/);
  // As in a swarm of Docker's, the engine is not told, goes on trying, and is not let in.
  const id = await scene.createService(service(worker, "nowhere"));
  expect((await scene.cluster.nodes()).map((node) => node.description?.hostname)).not.toContain(worker.name);
  await eventually(async () => {
    const [task, ...others] = await scene.cluster.tasks(id);
    expect(others).toEqual([]);
    expect(task?.status).toMatchObject({ state: "PENDING", err: expect.stringContaining("no suitable node") });
    expect(task?.nodeId ?? "").toBe("");
  });
  await worker.engine.docker("swarm", "leave", "--force");
  expect(await worker.engine.docker("ps", "--quiet")).toBe("");
  await scene.join(worker);
  await scene.cluster.running(id, 1);
  await scene.removeService(worker, id);
  await steadyRuns(worker);
  await obeys(worker, "back");
});

matrix.isDocumented();
