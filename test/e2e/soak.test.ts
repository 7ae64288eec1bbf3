// Nodes are killed, paused and cut off at random, one manager at most at a time, while clients write and services change. After each
// heal everything has to be as it was asked for within 30 s. `scripts/soak` runs it for longer.
import { readFile } from "node:fs/promises";
import { cryptoRandom, type Duration, milliseconds, minutes, pick, seconds, systemClock } from "@mswarm/runtime";
import { SeededRandom } from "@mswarm/runtime/simulated";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CountingWriters } from "../support/counting-writers.ts";
import type { DaemonProcess } from "../support/daemon-process.ts";
import { type DockerEngine, startDockerEngine } from "../support/docker-engine.ts";
import { sleeper } from "../support/service-specs.ts";
import { TestCluster } from "../support/test-cluster.ts";
import { type TestMachine, TestNetwork } from "../support/test-network.ts";
import { TestService } from "../support/test-service.ts";

const clock = systemClock();
const wish = process.env["MSWARM_SOAK_MINUTES"];
const length = minutes(Number(wish ?? 3));
/** CI's slice is always the same one. */
const seed = Number(process.env["MSWARM_SEED"] ?? (wish === undefined ? 1_784_715_447 : cryptoRandom().below(2 ** 32)));
const random = new SeededRandom(seed);
const healedWithin = seconds(30);
const replicasMax = 6;
/** Under a steady load a manager comes to about 200 and stays; one that leaks is above it after an hour. */
const residentMax = 350;
const names = ["m1", "m2", "m3", "w1", "w2"] as const;
const machines = new Map<string, TestMachine>();
const say = (figure: string): void => console.log(`[soak] ${figure}`);

let docker: DockerEngine;
let network: TestNetwork;
let cluster: TestCluster;
let writers: CountingWriters;

beforeAll(async () => {
  docker = await startDockerEngine();
  network = await TestNetwork.start();
  for (const name of names) machines.set(name, await network.machine(name));
  const place = (name: string) => ({ machine: machineOf(name) });
  cluster = await TestCluster.start({ engine: docker.address, managers: 3, workers: 2, network, place });
});
afterAll(async () => {
  await writers?.stop();
  await cluster?.stop();
  await network?.stop();
  await docker?.stop();
});

const machineOf = (name: string): TestMachine => machines.get(name) ?? expect.fail(`${name} has no machine`);
const managers = (): readonly DaemonProcess[] => cluster.daemons.filter(({ name }) => name.startsWith("m"));

/** Seconds of trouble: shorter than any grace, about as long, and longer. */
const spell = (): Duration => milliseconds(500 + random.below(12_000));

const faults = {
  kill: async (daemon: DaemonProcess) => {
    await daemon.kill();
    await clock.sleep(spell());
    await daemon.start();
  },
  pause: async (daemon: DaemonProcess) => {
    daemon.freeze(true);
    await clock.sleep(spell());
    daemon.freeze(false);
  },
  cut: async ({ name }: DaemonProcess) => {
    await machineOf(name).cut();
    await clock.sleep(spell());
    await machineOf(name).heal();
  },
} as const;

interface Load {
  readonly steady: TestService;
  readonly scaled: TestService;
  readonly rolling: TestService;
}

async function startLoad(): Promise<Load> {
  const { image } = docker;
  const [steady, scaled, rolling] = [
    await TestService.create(cluster, sleeper("steady", { image, replicas: 4 })),
    await TestService.create(cluster, sleeper("scaled", { image, replicas: 1 })),
    await TestService.create(cluster, sleeper("rolling", { image, replicas: 3, container: { env: ["ROUND=0"] } })),
  ];
  return { steady, scaled, rolling };
}

const roundOf = (load: Load): string => load.rolling.spec.task?.container?.env?.[0] ?? "";

/** Asks for something else, in the middle of the trouble. */
async function change(load: Load, round: number): Promise<void> {
  await load.scaled.scale(random.below(replicasMax + 1));
  const { spec } = load.rolling;
  const container = { ...spec.task?.container, env: [`ROUND=${round}`] };
  await load.rolling.update({ ...spec, task: { ...spec.task, container } });
}

/** Everything as it was asked for, in the store and on the engine. */
async function converge(load: Load): Promise<void> {
  await cluster.allReady();
  await load.steady.running(4);
  await load.scaled.running(Number(load.scaled.spec.replicated?.replicas ?? 0));
  await load.rolling.running(3, (tasks) => tasks.every(({ spec }) => spec?.container?.env?.[0] === roundOf(load)));
}

async function residentMebibytes(): Promise<Readonly<Record<string, number>>> {
  const figures = cluster.daemons.map(async ({ name, pid }) => {
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    return [name, Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1024)] as const;
  });
  return Object.fromEntries(await Promise.all(figures));
}

test("no acknowledged write is lost, and services converge after each heal", {
  timeout: length + minutes(5),
}, async () => {
  say(`seed ${seed} (MSWARM_SEED=${seed} replays the choices), ${length / minutes(1)} minutes`);
  writers = await CountingWriters.start(managers(), 12);
  const load = await startLoad();
  await converge(load);
  say(`resident MiB at the start: ${JSON.stringify(await residentMebibytes())}`);
  const begun = clock.monotonic();
  let slowest = 0;
  let rounds = 0;
  while (clock.monotonic() - begun < length) {
    rounds += 1;
    const kinds = ["kill", "pause", "cut"] as const;
    const workers = cluster.daemons.filter(({ name }) => name.startsWith("w"));
    const [kind, worse] = [pick(kinds, random), pick(kinds, random)];
    const [manager, worker] = [pick(managers(), random), pick(workers, random)];
    const both = random.below(3) === 0;
    const trouble = [
      ...(both || rounds % 2 === 0 ? [faults[kind](manager)] : []),
      ...(both || rounds % 2 === 1 ? [faults[worse](worker)] : []),
    ];
    await Promise.all([...trouble, change(load, rounds)]);
    const healed = clock.monotonic();
    await converge(load);
    const took = clock.monotonic() - healed;
    slowest = Math.max(slowest, took);
    const what = both
      ? `${kind} ${manager.name}, ${worse} ${worker.name}`
      : rounds % 2 === 0
        ? `${kind} ${manager.name}`
        : `${worse} ${worker.name}`;
    say(`round ${rounds}: ${what}: converged ${Math.round(took)} ms after the heal`);
    expect(took).toBeLessThan(healedWithin);
    await writers.areHeldBy(managers());
    if (rounds % 20 === 0)
      say(`${writers.acknowledged} writes, resident MiB: ${JSON.stringify(await residentMebibytes())}`);
  }
  await writers.stop();
  await writers.areHeldBy(managers());
  const resident = await residentMebibytes();
  say(
    `${rounds} rounds, ${writers.acknowledged} writes acknowledged, ${writers.failures} tries failed, slowest convergence ${Math.round(slowest)} ms`,
  );
  say(`resident MiB at the end: ${JSON.stringify(resident)}`);
  expect(writers.acknowledged).toBeGreaterThan(rounds);
  for (const mebibytes of Object.values(resident)) expect(mebibytes).toBeLessThan(residentMax);
  for (const service of Object.values(load)) await service.remove();
  expect(await cluster.containers()).toEqual([]);
});
