// The two clusters that are measured, the same for both systems.
import {
  createIdleServices,
  createSecrets,
  failover,
  memoryAtRest,
  secretRates,
  serviceStarts,
  timed,
} from "./operations.ts";
import { type Figures, mean, median } from "./statistics.ts";
import { type EngineChoice, type Swarm, type SwarmNode, tokensOf, untilReady, withControl } from "./swarm.ts";

export interface Extent {
  /** Repetitions are divided by this. */
  readonly scale: number;
  readonly say: (text: string) => void;
}

const counts = (scale: number): ReadonlyMap<number, number> =>
  new Map([
    [1, Math.max(32, Math.round(500 / scale))],
    [32, Math.max(128, Math.round(6_000 / scale))],
  ]);

/** Starts daemons for `use` and destroys them after it. */
export async function withNodes(
  swarm: Swarm,
  engine: EngineChoice,
  use: (start: () => Promise<SwarmNode>) => Promise<void>,
): Promise<void> {
  const nodes: SwarmNode[] = [];
  try {
    await use(async () => {
      const node = await swarm.start(engine);
      nodes.push(node);
      return node;
    });
  } finally {
    await Promise.all(nodes.map((node) => node.destroy()));
  }
}

export async function oneManager(swarm: Swarm, figures: Figures, { scale, say }: Extent): Promise<void> {
  await withNodes(swarm, "shared", async (start) => {
    const started = performance.now();
    const node = await start();
    figures.set("daemon start: ms", performance.now() - started);
    figures.set("cluster start, 1 manager (init): ms", await timed(() => node.init()));
    await withControl(node, async (control) => {
      await untilReady(control, 1);
      figures.set("cluster start, 1 manager, daemon start → node ready: ms", performance.now() - started);
      figures.set("memory idle, 1 manager: MiB", await memoryAtRest(node));
      say("starting services");
      const spans = await serviceStarts(control, swarm.image, scale > 1 ? 5 : 15);
      figures.set("service create → task running: p50 ms", median(spans));
      say("1,000 services and 1,000 secrets");
      await createIdleServices(control, swarm.image, 1_000);
      await createSecrets(control, { prefix: "idle", count: 1_000, callers: 32 });
      figures.set("memory with 1,000 services and 1,000 secrets: MiB", await memoryAtRest(node));
      say("creating secrets");
      await secretRates(figures, control, { managers: 1, counts: counts(scale) });
      figures.set("memory after that: MiB", await memoryAtRest(node));
    });
  });
}

export async function threeManagers(swarm: Swarm, figures: Figures, { scale, say }: Extent): Promise<void> {
  await withNodes(swarm, "shared", async (start) => {
    const leader = await start();
    const others = [await start(), await start()];
    const workers = [await start(), await start()];
    const joins: number[] = [];
    const begun = performance.now();
    await leader.init();
    await withControl(leader, async (control) => {
      const tokens = await tokensOf(control);
      for (const node of others) joins.push(await timed(() => node.join(tokens.manager, leader)));
      figures.set("cluster start, 3 managers (init + 2 joins): ms", performance.now() - begun);
      figures.set("join of a manager: ms", mean(joins));
      const workerJoins: number[] = [];
      for (const node of workers) workerJoins.push(await timed(() => node.join(tokens.worker, leader)));
      figures.set("join of a worker: ms", mean(workerJoins));
      await untilReady(control, 5);
      figures.set("cluster start, 3 managers + 2 workers, all ready: ms", performance.now() - begun);
      say("creating secrets");
      await secretRates(figures, control, { managers: 3, counts: counts(scale) });
    });
    figures.set("memory of a follower: MiB", ((await others[0]?.residentBytes()) ?? Number.NaN) / 2 ** 20);
    say("killing the leader");
    const [survivor = leader] = others;
    figures.set("leader SIGKILL → next write: ms", await failover(leader, survivor));
  });
}
