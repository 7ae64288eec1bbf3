// Nothing that was acknowledged is ever lost, whichever daemons are killed and when. `scripts/kill-test` runs it for longer.
import { cryptoRandom, messageOf, milliseconds, pick, seconds, systemClock } from "@mswarm/runtime";
import { SeededRandom } from "@mswarm/runtime/simulated";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DaemonProcess } from "../support/daemon-process.ts";
import { type DockerEngine, startDockerEngine } from "../support/docker-engine.ts";
import { callLimit, eventually } from "../support/eventually.ts";
import { localSecretNames } from "../support/local-view.ts";
import { secretFile, sleeper } from "../support/service-specs.ts";
import { containerIdOf, TestCluster } from "../support/test-cluster.ts";

const clock = systemClock();
const inTime = { timeout: callLimit };
const seed = Number(process.env["MSWARM_SEED"] ?? cryptoRandom().below(2 ** 32));
const kills = Number(process.env["MSWARM_KILLS"] ?? 20);
const writers = 32;
/** Between two kills: long enough for writes, short enough to hit starts and elections. */
const pauseMax = seconds(2);
const say = (figure: string): void => console.log(`[kill] ${figure}`);

let docker: DockerEngine;
let cluster: TestCluster;
let serviceId = "";

beforeAll(async () => {
  docker = await startDockerEngine();
  cluster = await TestCluster.start({ engine: docker.address, managers: 3, workers: 1 });
  // Many snapshots, so that kills hit them too, and managers that come back need one.
  await cluster.updateCluster((spec) => ({ ...spec, raft: { ...spec.raft, snapshotInterval: "500" } }));
  const control = await cluster.control();
  const spec = { annotations: { name: "of-the-service" }, data: Buffer.from("x") };
  const { secret } = await control.CreateSecret({ spec }, inTime);
  const container = { secrets: [secretFile(secret?.id ?? "", "of-the-service")] };
  serviceId = await cluster.createService(sleeper("steady", { image: docker.image, replicas: 4, container }));
  await cluster.running(serviceId, 4);
});
afterAll(async () => {
  await cluster?.stop();
  await docker?.stop();
});

const isManager = ({ name }: DaemonProcess): boolean => name.startsWith("m");

class Storm {
  /** Names of the secrets whose creation was acknowledged, and their ids. */
  readonly acknowledged = new Map<string, string>();
  failures = 0;
  /** Daemons that ended without being killed, with the ends of their logs. */
  readonly deaths: string[] = [];
  readonly #random: SeededRandom;
  readonly #answering: Set<DaemonProcess>;
  readonly #starts: Promise<void>[] = [];
  readonly #killed = new Set<number>();
  #isOver = false;

  constructor() {
    this.#random = new SeededRandom(seed);
    this.#answering = new Set(cluster.daemons);
  }

  async rage(): Promise<void> {
    const writing = Array.from({ length: writers }, (_unused, number) => this.#write(number, this.#random.fork()));
    for (let kill = 0; kill < kills; kill += 1) {
      // Half of the kills may hit a cluster that is still down from the one before.
      if (this.#random.below(2) === 0) await Promise.all(this.#starts);
      await clock.sleep(milliseconds(this.#random.below(pauseMax)));
      await this.#crash(pick(cluster.daemons, this.#random));
    }
    this.#isOver = true;
    await Promise.all(writing);
    await Promise.all(this.#starts);
  }

  async #crash(daemon: DaemonProcess): Promise<void> {
    this.#answering.delete(daemon);
    this.#killed.add(daemon.pid);
    await daemon.kill();
    await daemon.spawn();
    this.#starts.push(this.#whenStarted(daemon, daemon.pid));
  }

  async #whenStarted(daemon: DaemonProcess, pid: number): Promise<void> {
    try {
      await daemon.answers();
      if (!this.#killed.has(pid)) this.#answering.add(daemon);
    } catch (error) {
      // Most often it was killed again while it started.
      if (!this.#killed.has(pid)) this.deaths.push(messageOf(error));
    }
  }

  async #write(writer: number, random: SeededRandom): Promise<void> {
    for (let count = 0; !this.#isOver; count += 1) {
      const managers = [...this.#answering].filter(isManager);
      if (managers.length > 0) await this.#writeTo(pick(managers, random), `w${writer}-${count}`);
      await clock.sleep(milliseconds(random.below(100)));
    }
  }

  async #writeTo(manager: DaemonProcess, name: string): Promise<void> {
    try {
      const spec = { annotations: { name }, data: Buffer.from(name) };
      const { secret } = await manager.control.CreateSecret({ spec }, { timeout: seconds(5) });
      this.acknowledged.set(name, secret?.id ?? "");
    } catch {
      // Not acknowledged: it may exist or not.
      this.failures += 1;
    }
  }
}

/** Every manager's own store has all of `names`, and no manager has something that another lacks. */
async function everyManagerHolds(names: Iterable<string>): Promise<void> {
  await eventually(async () => {
    const [first = new Set<string>(), ...others] = await Promise.all(
      cluster.daemons.filter(isManager).map((manager) => localSecretNames(manager)),
    );
    expect([...names].filter((name) => !first.has(name))).toEqual([]);
    for (const other of others) expect([...other].filter((name) => !first.has(name))).toEqual([]);
    for (const other of others) expect([...first].filter((name) => !other.has(name))).toEqual([]);
  });
}

/** The bytes, too: a task sees in its files what was written. */
async function tasksRead(acknowledged: ReadonlyMap<string, string>): Promise<void> {
  const all = [...acknowledged];
  const sample = [...all.slice(0, 5), ...all.slice(-5)];
  const container = { secrets: sample.map(([name, id]) => secretFile(id, name)) };
  const script = sample.map(([name]) => `cat /run/secrets/${name}; echo`).join("; ");
  const spec = sleeper("reader", { image: docker.image, replicas: 1, script, container });
  const [task] = await cluster.running(await cluster.createService(spec), 1);
  const wanted = sample.map(([name]) => `${name}\n`).join("");
  await eventually(async () => expect(await cluster.output(containerIdOf(task))).toBe(wanted));
}

async function everyManagerWrites(round: string): Promise<readonly string[]> {
  return await Promise.all(
    cluster.daemons.filter(isManager).map(
      async (manager) =>
        await eventually(async () => {
          const name = `${round}-${manager.name}-${clock.now()}`;
          const spec = { annotations: { name }, data: Buffer.from("x") };
          await manager.control.CreateSecret({ spec }, inTime);
          return name;
        }),
    ),
  );
}

const limit = seconds(180) + kills * seconds(5);

test(`${kills} kills lose nothing that was acknowledged, and the cluster is whole afterwards`, {
  timeout: limit,
}, async () => {
  say(`seed ${seed} (MSWARM_SEED=${seed} replays the choices), ${kills} kills, ${writers} writers`);
  const storm = new Storm();
  const start = clock.monotonic();
  await storm.rage();
  const took = clock.monotonic() - start;
  const { acknowledged, failures, deaths } = storm;
  say(`${acknowledged.size} secrets acknowledged, ${failures} calls failed, in ${Math.round(took / 1_000)} s`);
  expect(deaths).toEqual([]);
  expect(acknowledged.size).toBeGreaterThan(kills);
  await cluster.allReady();
  await everyManagerHolds(acknowledged.keys());
  await cluster.running(serviceId, 4);

  say("all daemons are killed at once");
  await Promise.all(cluster.daemons.map((daemon) => daemon.kill()));
  const dark = clock.monotonic();
  await Promise.all(cluster.daemons.map((daemon) => daemon.start()));
  await cluster.leader();
  say(`a leader again ${Math.round(clock.monotonic() - dark)} ms after the first start`);
  await cluster.allReady();
  const written = await everyManagerWrites("after");
  await everyManagerHolds([...acknowledged.keys(), ...written]);
  await cluster.running(serviceId, 4);
  await tasksRead(acknowledged);
});
