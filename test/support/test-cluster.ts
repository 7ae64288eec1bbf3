// A whole cluster of daemon processes on loopback addresses of its own, with one shared engine, and the end of it all:
// processes, tmpfs mounts and files go, whatever the test did.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type ContainerSummary, dockerodeEngine } from "@mswarm/engine";
import { cryptoRandom, invariant, isSwarmError, messageOf } from "@mswarm/runtime";
import type { Cluster, ClusterSpec, JoinTokens, KeyRotation, Node, ServiceSpecInput, Task } from "@mswarm/wire";
import { expect } from "vitest";
import { DaemonProcess, type DaemonSettings } from "./daemon-process.ts";
import { callLimit, eventually, patience } from "./eventually.ts";
import type { TestNetwork } from "./test-network.ts";

const run = promisify(execFile);
const random = cryptoRandom();
const inTime = { timeout: callLimit };

/** The `@mswarm/rpc` client of `Control`. */
export type Control = DaemonProcess["control"];

export class TestCluster {
  /** Holds the folder of each daemon. */
  readonly folder: string;
  readonly engine: string;
  /** In the order they were added. */
  readonly daemons: DaemonProcess[] = [];
  readonly #lab: string;
  readonly #subnet: string;
  readonly #network: TestNetwork | undefined;
  /** Not 2377: a swarm of the user's, on all addresses of this machine, must not be in the way. */
  readonly #port: number = 20_000 + random.below(10_000);

  private constructor(folder: string, engine: string, network: TestNetwork | undefined) {
    this.folder = folder;
    this.engine = engine;
    this.#network = network;
    this.#lab = folder.slice(-6).toLowerCase();
    // 127.0.x and 127.1.x are what labs and people use.
    this.#subnet = `127.${2 + random.below(250)}.${1 + random.below(254)}`;
  }

  /**
   * No daemon yet.
   * @param engine  `unix://…`; also one that does not exist
   * @param network  where daemons get addresses that its machines reach; loopback where absent
   */
  static async create(engine: string, network?: TestNetwork): Promise<TestCluster> {
    return new TestCluster(await mkdtemp(join(tmpdir(), "mst-")), engine, network);
  }

  /**
   * Managers m1 …, workers w1 …, all joined and READY.
   *
   * @param options.place  where a daemon lives, if not at a loopback address of its own
   */
  static async start(options: {
    engine: string;
    managers: number;
    workers: number;
    network?: TestNetwork;
    place?: (name: string) => Partial<DaemonSettings>;
  }): Promise<TestCluster> {
    const cluster = await TestCluster.create(options.engine, options.network);
    try {
      const names = (letter: string, count: number): string[] =>
        Array.from({ length: count }, (_unused, index) => `${letter}${index + 1}`);
      const place = options.place ?? (() => ({}));
      const managers = names("m", options.managers).map((name) => cluster.add(name, place(name)));
      const workers = names("w", options.workers).map((name) => cluster.add(name, place(name)));
      await Promise.all(cluster.daemons.map((daemon) => daemon.start()));
      const [first, ...others] = managers;
      invariant(first !== undefined, "a cluster has a manager");
      await first.init();
      const { manager = "", worker = "" } = await cluster.joinTokens();
      await Promise.all([
        ...others.map((daemon) => daemon.join(manager, [first.managerAddress])),
        ...workers.map((daemon) => daemon.join(worker, [first.managerAddress])),
      ]);
      await cluster.allReady();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** A new daemon with an address of its own; not started. */
  add(name: string, more: Partial<DaemonSettings> = {}): DaemonProcess {
    const { folder, engine } = this;
    const loopback = `${this.#subnet}.${11 + this.daemons.length}`;
    const address = more.machine?.address ?? this.#network?.localAddress() ?? loopback;
    const own = { name, address, port: this.#port, folder: join(folder, name) };
    const daemon = new DaemonProcess({ ...own, engine, lab: this.#lab, ...more });
    this.daemons.push(daemon);
    return daemon;
  }

  daemon(name: string): DaemonProcess {
    const found = this.daemons.find((daemon) => daemon.name === name);
    invariant(found !== undefined, "a daemon of that name was added");
    return found;
  }

  /** A running manager that leads, by its own word and newest term. */
  async leader(): Promise<DaemonProcess> {
    return await eventually(async () => {
      const running = this.daemons.filter((daemon) => daemon.isRunning);
      const known = await Promise.all(
        running.map(async (daemon) => ({ daemon, raft: (await daemon.status().catch(() => undefined))?.raft })),
      );
      const leaders = known.filter(({ raft }) => raft?.role === "leader");
      const [newest] = leaders.sort((a, b) => Number(b.raft?.term ?? 0) - Number(a.raft?.term ?? 0));
      if (newest === undefined) throw expect.fail("no manager leads");
      return newest.daemon;
    });
  }

  /** A running manager that does not lead. */
  async follower(): Promise<DaemonProcess> {
    const leader = await this.leader();
    return await eventually(async () => {
      for (const daemon of this.daemons) {
        if (!daemon.isRunning || daemon === leader) continue;
        if ((await daemon.status()).isManager === true) return daemon;
      }
      return expect.fail("no other manager runs");
    });
  }

  /** `Control` of some running manager. */
  async control(): Promise<Control> {
    return (await this.leader()).control;
  }

  async cluster(): Promise<Cluster> {
    const { clusters = [] } = await (await this.control()).ListClusters({}, inTime);
    const [only] = clusters;
    invariant(only !== undefined, "there is a cluster");
    return only;
  }

  async joinTokens(): Promise<JoinTokens> {
    return (await this.cluster()).rootCa?.joinTokens ?? {};
  }

  async updateCluster(change: (spec: ClusterSpec) => ClusterSpec, rotation: KeyRotation = {}): Promise<Cluster> {
    // A leader that renews something at this moment makes the version stale.
    return await eventually(async () => {
      const { id = "", meta, spec = {} } = await this.cluster();
      const request = { clusterId: id, clusterVersion: meta?.version ?? {}, spec: change(spec), rotation };
      return (await (await this.control()).UpdateCluster(request, inTime)).cluster ?? {};
    });
  }

  async nodes(): Promise<readonly Node[]> {
    return (await (await this.control()).ListNodes({}, inTime)).nodes ?? [];
  }

  /** The node's object, by the name of its daemon. */
  async node(name: string): Promise<Node> {
    const found = (await this.nodes()).filter(({ description }) => description?.hostname === name);
    if (found.length !== 1) throw expect.fail(`${found.length} nodes are called ${name}`);
    return found[0] ?? {};
  }

  /** Changes a node's spec, again if somebody else changed it meanwhile. */
  async updateNode(
    name: string,
    change: (spec: NonNullable<Node["spec"]>) => NonNullable<Node["spec"]>,
  ): Promise<void> {
    await eventually(async () => {
      const { id = "", meta, spec = {} } = await this.node(name);
      const request = { nodeId: id, nodeVersion: meta?.version ?? {}, spec: change(spec) };
      await (await this.control()).UpdateNode(request, inTime);
    });
  }

  /** Every daemon's node is READY, and managers are reachable. */
  async allReady(): Promise<void> {
    await eventually(async () => {
      const nodes = await this.nodes();
      const states = nodes.map(({ description, status, managerStatus }) => [
        description?.hostname,
        status?.state ?? "UNKNOWN",
        ...(managerStatus === undefined ? [] : [managerStatus.reachability]),
      ]);
      const wanted = this.daemons
        .filter((daemon) => daemon.isRunning)
        .map(({ name }) => [name, "READY", ...(name.startsWith("m") ? ["REACHABLE"] : [])]);
      expect(states.sort()).toEqual(wanted.sort());
    });
  }

  /** Gives its id. The call is repeated when a leader that is just leaving has not taken it. */
  async createService(spec: ServiceSpecInput): Promise<string> {
    let tries = 0;
    return await eventually(async () => {
      tries += 1;
      const control = await this.control();
      try {
        return (await control.CreateService({ spec }, inTime)).service?.id ?? "";
      } catch (error) {
        // Of an earlier try only the answer was lost.
        if (tries === 1 || !isSwarmError(error, "ALREADY_EXISTS")) throw error;
        const { services = [] } = await control.ListServices(
          { filters: { names: [spec.annotations?.name ?? ""] } },
          inTime,
        );
        return services[0]?.id ?? expect.fail("a service that is said to exist is in no list");
      }
    });
  }

  async tasks(serviceId: string): Promise<readonly Task[]> {
    return (await (await this.control()).ListTasks({ filters: { serviceIds: [serviceId] } }, inTime)).tasks ?? [];
  }

  /** Waits until exactly `count` tasks run that are meant to, and gives them; `isDone` may ask for more of them. */
  async running(
    serviceId: string,
    count: number,
    isDone: (tasks: readonly Task[]) => boolean = () => true,
  ): Promise<readonly Task[]> {
    return await eventually(async () => {
      const all = await this.tasks(serviceId);
      const wanted = all.filter((task) => task.desiredState === "RUNNING");
      const found = wanted.filter((task) => task.status?.state === "RUNNING");
      if (found.length !== count || wanted.length !== count || !isDone(found)) {
        throw expect.fail(`not ${count} running tasks as wanted:\n${all.map(taskLine).sort().join("\n")}`);
      }
      return found;
    }, patience);
  }

  /** This cluster's containers that carry `labels`, in any state. */
  async containers(labels: Readonly<Record<string, string>> = {}): Promise<readonly ContainerSummary[]> {
    return await dockerodeEngine(this.engine).listContainers({ "mswarm.lab": this.#lab, ...labels });
  }

  /** What a container has printed so far. */
  async output(containerId: string): Promise<string> {
    const frames = dockerodeEngine(this.engine).logs(containerId, { stdout: true, stderr: true, follow: false });
    let text = "";
    for await (const { data } of frames) text += data.toString();
    return text;
  }

  /**
   * Ends everything. The containers end with the engine, which the test file owns. `MSWARM_TEST_KEEP=1` keeps logs and
   * state, to look into a failure.
   */
  async stop(): Promise<void> {
    await Promise.all(this.daemons.map((daemon) => daemon.kill()));
    for (const point of await mountsBelow(this.folder)) await run("umount", ["--lazy", point]).catch(messageOf);
    if (process.env["MSWARM_TEST_KEEP"] !== undefined) return;
    await rm(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  /** A folder for the test's own files, removed with the cluster. */
  async ownFolder(name: string): Promise<string> {
    const folder = join(this.folder, name);
    await mkdir(folder, { recursive: true });
    return folder;
  }
}

export const containerIdOf = (task: Task | undefined): string => task?.status?.container?.containerId ?? "";

const taskLine = ({ slot, nodeId, desiredState, status }: Task): string =>
  `slot ${slot} node ${nodeId} wanted ${desiredState} is ${status?.state} ${status?.err ?? ""}`;

/** Mount points below `folder`, innermost first. */
export async function mountsBelow(folder: string): Promise<readonly string[]> {
  const table = await readFile("/proc/self/mounts", "utf8");
  return table
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((point) => point.startsWith(`${folder}/`))
    .sort((a, b) => b.length - a.length);
}
