// Swarms of Docker Engines, one for each version, every manager on a machine of its own, and in each an mswarm worker.
import { invariant } from "@mswarm/runtime";
import { expect } from "vitest";
import type { DaemonProcess } from "./daemon-process.ts";
import { type DockerEngine, type EngineVersion, engineVersions, goesOn, startDockerEngine } from "./docker-engine.ts";
import { eventually } from "./eventually.ts";
import { stayUp } from "./service-specs.ts";
import { TestCluster } from "./test-cluster.ts";
import { type TestMachine, TestNetwork } from "./test-network.ts";

export interface DockerManager {
  readonly name: string;
  readonly machine: TestMachine;
  readonly engine: DockerEngine;
}

/** What `docker inspect` says of a task, as far as it is asked here. */
export interface DockerTask {
  readonly ID: string;
  readonly NodeID?: string;
  readonly DesiredState: string;
  readonly Status: {
    readonly State: string;
    readonly Err?: string;
    readonly ContainerStatus?: { readonly ContainerID?: string; readonly ExitCode?: number };
    readonly PortStatus?: { readonly Ports?: readonly { readonly PublishedPort?: number }[] };
  };
}

const managerPort = 2377;

export class DockerSwarm {
  readonly version: EngineVersion;
  readonly managers: readonly DockerManager[];
  /** Runs its tasks on `host`. */
  readonly worker: DaemonProcess;
  readonly host: DockerEngine;
  /** All that were asked for. */
  readonly tokens: Set<string> = new Set();
  readonly #dead = new Set<DockerManager>();
  #nodeId = "";

  constructor(parts: Pick<DockerSwarm, "version" | "managers" | "worker" | "host">) {
    this.version = parts.version;
    this.managers = parts.managers;
    this.worker = parts.worker;
    this.host = parts.host;
  }

  /** The docker CLI on a manager that lives. */
  async docker(...args: readonly string[]): Promise<string> {
    return await this.#living().engine.docker(...args);
  }

  lives(manager: DockerManager): boolean {
    return !this.#dead.has(manager);
  }

  async kill(manager: DockerManager): Promise<void> {
    this.#dead.add(manager);
    await manager.engine.kill();
  }

  /** The engines become one swarm whose managers take no tasks. */
  async found(): Promise<void> {
    const [first, ...others] = this.managers;
    invariant(first !== undefined, "a swarm has a manager");
    const own = ({ address }: TestMachine): readonly string[] => [
      "--advertise-addr",
      address,
      "--listen-addr",
      address,
    ];
    await first.engine.docker("swarm", "init", ...own(first.machine));
    const token = await this.token("manager");
    for (const { engine, machine } of others) {
      const words = ["--token", token, ...own(machine), `${first.machine.address}:${managerPort}`];
      await engine.docker("swarm", "join", ...words).catch(goesOn);
      await eventually(async () => {
        expect(await engine.docker("info", "--format", "{{.Swarm.ControlAvailable}}")).toBe("true");
      });
    }
    for (const { engine } of this.managers) {
      const nodeId = await engine.docker("info", "--format", "{{.Swarm.NodeID}}");
      await this.docker("node", "update", "--availability", "drain", nodeId);
    }
  }

  async token(role: "worker" | "manager"): Promise<string> {
    const token = await this.docker("swarm", "join-token", "--quiet", role);
    this.tokens.add(token);
    return token;
  }

  /** Runs `work` while a node that is gone is known after three missed beats of 1 s, instead of 5. */
  async quickly(work: () => Promise<void>): Promise<void> {
    const beat = (period: string): Promise<string> => this.docker("swarm", "update", "--dispatcher-heartbeat", period);
    await beat("1s");
    try {
      await work();
    } finally {
      await beat("5s");
    }
  }

  async leader(): Promise<DockerManager> {
    return await eventually(async () => {
      const lines = await this.docker("node", "ls", "--format", "{{.Hostname}} {{.ManagerStatus}}");
      const name = lines.split("\n").find((line) => line.endsWith(" Leader")) ?? "";
      const found = this.managers.find((manager) => name === `${manager.name} Leader`);
      if (found === undefined || this.#dead.has(found)) throw expect.fail(`no manager leads:\n${lines}`);
      return found;
    });
  }

  /** The worker joins with a token, asking a manager that lives. Gives its node id. */
  async join(role: "worker" | "manager" = "worker"): Promise<string> {
    const { address } = this.#living().machine;
    const { nodeId = "" } = await this.worker.join(await this.token(role), [`${address}:${managerPort}`]);
    this.#nodeId = nodeId;
    return nodeId;
  }

  /** The worker's, since it last joined. */
  get nodeId(): string {
    return this.#nodeId;
  }

  /** A field of the worker's node, in docker's words. */
  async node(format: string): Promise<string> {
    return await this.docker("node", "inspect", "--format", format, this.#nodeId);
  }

  async ready(): Promise<void> {
    await eventually(async () => expect(await this.node("{{.Status.State}}")).toBe("ready"));
  }

  /** Creates a service for the worker; its container stays up unless `command` is given. */
  async create(
    name: string,
    flags: readonly string[] = [],
    command: readonly string[] = ["sh", "-c", stayUp],
  ): Promise<void> {
    const where = ["--constraint", `node.hostname==${this.worker.name}`];
    const quietly = ["--detach", "--quiet", "--no-resolve-image", "--restart-delay", "200ms"];
    await this.docker("service", "create", "--name", name, ...quietly, ...where, ...flags, this.host.image, ...command);
  }

  async update(name: string, ...flags: readonly string[]): Promise<void> {
    await this.docker("service", "update", "--detach", "--quiet", "--no-resolve-image", ...flags, name);
  }

  async rollback(name: string): Promise<void> {
    await this.docker("service", "rollback", "--detach", "--quiet", name);
  }

  /** All tasks of a service that the managers remember, newest first. */
  async tasks(name: string): Promise<readonly DockerTask[]> {
    const ids = await this.docker("service", "ps", "--quiet", "--no-trunc", name);
    if (ids === "") return [];
    return JSON.parse(await this.docker("inspect", "--type", "task", ...ids.split("\n"))) as DockerTask[];
  }

  /** Waits until exactly `count` tasks run that are meant to; gives their containers, sorted. */
  async running(name: string, count: number): Promise<readonly string[]> {
    return await eventually(async () => {
      const tasks = await this.tasks(name);
      const wanted = tasks.filter(({ DesiredState }) => DesiredState === "running");
      const found = wanted.filter(({ Status }) => Status.State === "running");
      if (found.length !== count || wanted.length !== count) {
        const lines = tasks.map(({ DesiredState, Status }) => `${DesiredState} ${Status.State} ${Status.Err ?? ""}`);
        throw expect.fail(`not ${count} running tasks of ${name}:\n${lines.join("\n")}`);
      }
      return found.map(({ Status }) => Status.ContainerStatus?.ContainerID ?? "").sort();
    });
  }

  /** The worker's containers of a service, running or not, sorted. */
  async containers(name: string, ...flags: readonly string[]): Promise<readonly string[]> {
    const filters = [`com.docker.swarm.service.name=${name}`, `com.docker.swarm.node.id=${this.#nodeId}`];
    const found = await this.host.docker(
      ...["ps", "--quiet", "--no-trunc", ...flags],
      ...filters.flatMap((label) => ["--filter", `label=${label}`]),
    );
    return found.split("\n").filter(Boolean).sort();
  }

  async exec(container: string | undefined, ...command: readonly string[]): Promise<string> {
    return await this.host.docker("exec", container ?? "", ...command);
  }

  /** Removes the service and waits until the worker has nothing left of it. */
  async remove(...names: readonly string[]): Promise<void> {
    await this.docker("service", "rm", ...names);
    for (const name of names) {
      await eventually(async () => expect(await this.containers(name, "--all")).toEqual([]));
    }
  }

  #living(): DockerManager {
    const found = this.managers.find((manager) => this.lives(manager));
    invariant(found !== undefined, "some manager lives");
    return found;
  }
}

export class DockerSwarms {
  readonly swarms: readonly DockerSwarm[];
  /** Below all workers. */
  readonly host: DockerEngine;
  readonly #network: TestNetwork;
  readonly #engines: readonly DockerEngine[];
  readonly #cluster: TestCluster;

  private constructor(
    parts: Pick<DockerSwarms, "swarms" | "host">,
    own: { readonly network: TestNetwork; readonly engines: readonly DockerEngine[]; readonly cluster: TestCluster },
  ) {
    this.swarms = parts.swarms;
    this.host = parts.host;
    this.#network = own.network;
    this.#engines = own.engines;
    this.#cluster = own.cluster;
  }

  /** Three managers for each version. The workers' daemons run on one engine of this machine and have not joined. */
  static async start(): Promise<DockerSwarms> {
    const network = await TestNetwork.start();
    const engines: DockerEngine[] = [];
    const keep = async (starting: Promise<DockerEngine>): Promise<DockerEngine> => {
      const engine = await starting;
      engines.push(engine);
      return engine;
    };
    let cluster: TestCluster | undefined;
    try {
      const host = await keep(startDockerEngine());
      const workers = await TestCluster.create(host.address, network);
      cluster = workers;
      const machines: TestMachine[] = [];
      for (const version of engineVersions) {
        for (const number of [1, 2, 3]) machines.push(await network.machine(`m${version.slice(0, 2)}-${number}`));
      }
      const swarms = await Promise.all(
        engineVersions.map(async (version) => {
          const major = version.slice(0, 2);
          const managers = await Promise.all(
            machines
              .filter(({ name }) => name.startsWith(`m${major}-`))
              .map(async (machine): Promise<DockerManager> => {
                const engine = await keep(startDockerEngine({ version, machine }));
                return { name: machine.name, machine, engine };
              }),
          );
          const worker = workers.add(`w${major}`);
          await worker.start();
          const swarm = new DockerSwarm({ version, managers, worker, host });
          await swarm.found();
          return swarm;
        }),
      );
      return new DockerSwarms({ swarms, host }, { network, engines, cluster: workers });
    } catch (error) {
      await cluster?.stop();
      await Promise.all(engines.map((engine) => engine.stop()));
      await network.stop();
      throw error;
    }
  }

  of(version: string): DockerSwarm {
    const swarm = this.swarms.find((one) => one.version === version);
    invariant(swarm !== undefined, "there is a swarm of each version");
    return swarm;
  }

  /** The worker's daemon as another program would be it: one of the two may run at a time. @param hook  see `DaemonProcess` */
  disguised({ worker }: DockerSwarm, hook: string): DaemonProcess {
    return this.#cluster.add(worker.name, { address: worker.address, hook });
  }

  async stop(): Promise<void> {
    await this.#cluster.stop();
    await Promise.all(this.#engines.map((engine) => engine.stop()));
    await this.#network.stop();
  }
}
