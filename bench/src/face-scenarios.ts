// The clusters that are measured through Docker's API. Each node has an engine of its own, with both systems.
import { milliseconds } from "@mswarm/runtime";
import { Face, withFace } from "./face.ts";
import {
  bareStarts,
  containersOf,
  createService,
  joinTokens,
  nodeIdOf,
  nodeStates,
  secretRates,
  untilNodesReady,
  untilRunning,
  untilUpdated,
  updateService,
} from "./face-operations.ts";
import { timed } from "./operations.ts";
import { type Extent, withNodes } from "./scenarios.ts";
import { type Figures, measure, median, rateOf } from "./statistics.ts";
import type { Swarm, SwarmNode } from "./swarm.ts";
import { clock, until } from "./waiting.ts";

const counts = (scale: number): ReadonlyMap<number, number> =>
  new Map([
    [1, Math.max(50, Math.round(500 / scale))],
    [32, Math.max(320, Math.round(6_000 / scale))],
    [128, Math.max(640, Math.round(6_000 / scale))],
  ]);

/** Figures under the name of the cluster. */
function within(figures: Figures, cluster: string, use: (own: Figures) => Promise<void>): Promise<void> {
  const own: Figures = new Map();
  return use(own).finally(() => {
    for (const [name, value] of own) figures.set(`${cluster}: ${name}`, value);
  });
}

export async function faceOneManager(swarm: Swarm, all: Figures, extent: Extent): Promise<void> {
  const { scale, say } = extent;
  await withNodes(swarm, "own", async (start) => {
    const node = await start();
    await node.init();
    await withFace(node.apiPath, (face) =>
      within(all, "1 manager", async (figures) => {
        await untilNodesReady(face, 1);
        say("starting services");
        await startsOf(figures, face, { swarm, node, rounds: scale > 1 ? 8 : 20 });
        say("creating secrets");
        await secretRates(figures, face, counts(scale));
        say("reading");
        await readsOf(figures, face, swarm, Math.round(4_000 / scale));
      }),
    );
  });
}

async function startsOf(
  figures: Figures,
  face: Face,
  { swarm, node, rounds }: { readonly swarm: Swarm; readonly node: SwarmNode; readonly rounds: number },
): Promise<void> {
  const spans: number[] = [];
  const bare: number[] = [];
  await withFace(node.enginePath, async (engine) => {
    for (let round = 0; round < rounds; round += 1) {
      // In turn, so that a busy machine is busy for both.
      bare.push(...(await bareStarts(engine, swarm.image, 1)));
      let id = "";
      spans.push(
        await timed(async () => {
          id = await createService(face, { name: `run-${round}`, image: swarm.image, replicas: 1 });
          await untilRunning(face, id, 1);
        }),
      );
      await face.call("DELETE", `/services/${id}`);
      await until("its container is gone", 60_000, async () => (await containersOf([engine], id, false)) === 0);
    }
  });
  figures.set("service create → running: p50 ms", median(spans));
  figures.set("engine's own create and start: p50 ms", median(bare));
  figures.set("a task's start above the engine's: p50 ms", median(spans) - median(bare));
}

async function readsOf(figures: Figures, face: Face, swarm: Swarm, reads: number): Promise<void> {
  const created = await measure(1_000, 32, (index) =>
    createService(face, { name: `idle-${index}`, image: swarm.image, replicas: 0 }),
  );
  figures.set("create of 1,000 services, 32 callers: per second", rateOf(created));
  const lists = await measure(Math.max(10, reads / 100), 1, () => face.call("GET", "/services"));
  figures.set("list of 1,000 services: p50 ms", median(lists.latencies));
  for (const [what, path] of [
    ["secret inspect", "/secrets/s-1-0"],
    ["service inspect", "/services/idle-500"],
  ] as const) {
    const { ID } = (await face.call("GET", path)) as { ID: string };
    const byId = `${path.slice(0, path.lastIndexOf("/"))}/${ID}`;
    figures.set(`${what}, 1 caller: per second`, rateOf(await measure(reads, 1, () => face.call("GET", byId))));
    figures.set(`${what}, 32 callers: per second`, rateOf(await measure(reads, 32, () => face.call("GET", byId))));
    figures.set(`${what} by name, 1 caller: per second`, rateOf(await measure(reads, 1, () => face.call("GET", path))));
  }
  const passed = await measure(reads, 1, () => face.call("GET", "/volumes"));
  figures.set("a request for the engine (GET /volumes): p50 ms", median(passed.latencies));
}

export async function faceThreeManagers(swarm: Swarm, all: Figures, { scale, say }: Extent): Promise<void> {
  await withNodes(swarm, "own", async (start) => {
    const leader = await start();
    const others = [await start(), await start()];
    const workers = [await start(), await start()];
    await leader.init();
    await withFace(leader.apiPath, (face) =>
      within(all, "3 managers + 2 workers", async (figures) => {
        const tokens = await joinTokens(face);
        for (const node of others) await node.join(tokens.Manager, leader);
        for (const node of workers) await node.join(tokens.Worker, leader);
        await untilNodesReady(face, 5);
        say("creating secrets");
        await secretRates(figures, face, counts(scale));
        const engines = [leader, ...others].map(({ enginePath }) => new Face(enginePath));
        await scaleAndRemove(figures, face, { swarm, engines, say });
        await rollingUpdate(figures, face, { swarm, engines, say });
        for (const engine of engines) engine.close();
        await lostWorkers(figures, face, { swarm, workers, say });
      }),
    );
  });
}

interface ContainerStage {
  readonly swarm: Swarm;
  readonly engines: readonly Face[];
  readonly say: (text: string) => void;
}

/** On the three managers. */
const constraints = ["node.role==manager"];

async function untilContainers(engines: readonly Face[], id: string, isRunning: boolean, most: number): Promise<void> {
  await until(`at most ${most} containers are left`, 180_000, async () => {
    await clock.sleep(milliseconds(20));
    return (await containersOf(engines, id, isRunning)) <= most;
  });
}

async function scaleAndRemove(figures: Figures, face: Face, { swarm, engines, say }: ContainerStage): Promise<void> {
  say("scaling from 1 to 50");
  const choice = { name: "scaled", image: swarm.image, constraints };
  const id = await createService(face, { ...choice, replicas: 1 });
  await untilRunning(face, id, 1);
  const scaled = await timed(async () => {
    await updateService(face, id, { ...choice, replicas: 50 });
    await untilRunning(face, id, 50);
  });
  figures.set("scale 1 → 50 on 3 nodes: ms", scaled);
  figures.set("scale 1 → 50 on 3 nodes: containers per second", 49_000 / scaled);
  say("removing 50");
  const started = performance.now();
  const since = (): number => performance.now() - started;
  await face.call("DELETE", `/services/${id}`);
  await untilContainers(engines, id, true, 49);
  figures.set("remove 50 → the first has stopped: ms", since());
  await untilContainers(engines, id, true, 0);
  figures.set("remove 50 → none runs: ms", since());
  await untilContainers(engines, id, false, 0);
  figures.set("remove 50 → none is left: ms", since());
}

async function rollingUpdate(figures: Figures, face: Face, { swarm, engines, say }: ContainerStage): Promise<void> {
  say("a rolling update of 20");
  const choice = { name: "updated", image: swarm.image, replicas: 20, constraints };
  const id = await createService(face, choice);
  await untilRunning(face, id, 20);
  const updated = await timed(async () => {
    await updateService(face, id, { ...choice, version: 2 });
    await untilUpdated(face, id);
  });
  figures.set("rolling update of 20, 5 at once (500 ms watched): ms", updated);
  await face.call("DELETE", `/services/${id}`);
  await untilContainers(engines, id, false, 0);
}

interface WorkerStage {
  readonly swarm: Swarm;
  readonly workers: readonly SwarmNode[];
  readonly say: (text: string) => void;
}

async function lostWorkers(figures: Figures, face: Face, { swarm, workers, say }: WorkerStage): Promise<void> {
  const [killed, leaving] = workers;
  if (killed === undefined || leaving === undefined) throw new Error("two workers are needed");
  const runsOn = { name: "moving", image: swarm.image, replicas: 6, constraints: ["node.role==worker"] };
  const id = await createService(face, runsOn);
  await untilRunning(face, id, 6);
  say("killing a worker");
  await withFace(leaving.enginePath, async (engine) => {
    const moved = await timed(async () => {
      await killed.kill();
      await until("all tasks run on the other worker", 120_000, async () => {
        await clock.sleep(milliseconds(20));
        return (await containersOf([engine], id, true)) === 6;
      });
    });
    figures.set("worker killed → its 3 tasks run elsewhere: ms", moved);
  });
  say("a worker leaves");
  await withFace(leaving.apiPath, async (own) => {
    const nodeId = await nodeIdOf(leaving, own);
    const known = await timed(async () => {
      await own.call("POST", "/swarm/leave");
      await until("the node is down", 60_000, async () => (await nodeStates(face)).get(nodeId) === "down");
    });
    figures.set("worker leaves → it is known to be down: ms", known);
  });
}
