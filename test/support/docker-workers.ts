// A cluster of mswarm managers with a Docker Engine of each version among its workers, every engine on a machine of its own.
import { fileURLToPath } from "node:url";
import { type Duration, invariant, milliseconds, wireDuration } from "@mswarm/runtime";
import type { Node, NodeSpec, ServiceSpecInput, Task } from "@mswarm/wire";
import { expect } from "vitest";
import type { DaemonProcess } from "./daemon-process.ts";
import { type DockerEngine, type EngineVersion, engineVersions, goesOn, startDockerEngine } from "./docker-engine.ts";
import { callLimit, eventually } from "./eventually.ts";
import { TestCluster } from "./test-cluster.ts";
import { type TestMachine, TestNetwork } from "./test-network.ts";

const inTime = { timeout: callLimit };

/** An engine that is, was or will be a worker of the cluster. */
export interface DockerWorker {
  readonly version: EngineVersion;
  readonly machine: TestMachine;
  readonly engine: DockerEngine;
  /** Its hostname; also the value of the label `pool` of the nodes that its services may use. */
  readonly name: string;
}

export class DockerWorkers {
  readonly cluster: TestCluster;
  readonly workers: readonly DockerWorker[];
  readonly #network: TestNetwork;
  readonly #host: DockerEngine;

  private constructor(
    network: TestNetwork,
    host: DockerEngine,
    cluster: TestCluster,
    workers: readonly DockerWorker[],
  ) {
    this.#network = network;
    this.#host = host;
    this.cluster = cluster;
    this.workers = workers;
  }

  /**
   * Three managers, of which none takes tasks, and a worker `w1`, all mswarm; the Docker Engines run and have not joined.
   * @param options.hook  of the daemons
   */
  static async start(options: { readonly hook?: string } = {}): Promise<DockerWorkers> {
    const network = await TestNetwork.start();
    const started: DockerEngine[] = [];
    const keep = async (starting: Promise<DockerEngine>): Promise<DockerEngine> => {
      const engine = await starting;
      started.push(engine);
      return engine;
    };
    try {
      const [host, ...workers] = await Promise.all([
        keep(startDockerEngine()),
        ...engineVersions.map(async (version): Promise<DockerWorker> => {
          const name = `d${version.slice(0, 2)}`;
          const machine = await network.machine(name);
          return { version, name, machine, engine: await keep(startDockerEngine({ version, machine })) };
        }),
      ]);
      const daemon = options.hook === undefined ? {} : { hook: options.hook };
      const cluster = await TestCluster.start({
        engine: host.address,
        managers: 3,
        workers: 1,
        network,
        place: () => daemon,
      });
      const scene = new DockerWorkers(network, host, cluster, workers);
      await scene.#prepare();
      return scene;
    } catch (error) {
      await Promise.all(started.map((engine) => engine.stop()));
      await network.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.cluster.stop();
    await Promise.all([this.#host, ...this.workers.map(({ engine }) => engine)].map((engine) => engine.stop()));
    await this.#network.stop();
  }

  of(version: string): DockerWorker {
    const worker = this.workers.find((one) => one.version === version);
    invariant(worker !== undefined, "there is a worker of each version");
    return worker;
  }

  /** `docker swarm join` with the token of workers, until the node is READY. */
  async join(worker: DockerWorker): Promise<void> {
    const { worker: token = "" } = await this.cluster.joinTokens();
    await this.dockerJoin(worker, token).catch(goesOn);
    await this.ready(worker);
    const labels = { [`for-${worker.name}`]: "yes" };
    await this.updateNode(worker, (spec) => ({ ...spec, annotations: { ...spec.annotations, labels } }));
  }

  /** Changes the node's spec, again if somebody else changed it meanwhile. */
  async updateNode(worker: DockerWorker, change: (spec: NodeSpec) => NodeSpec): Promise<void> {
    await eventually(async () => {
      const { id: nodeId = "", meta, spec = {} } = await this.node(worker);
      const request = { nodeId, nodeVersion: meta?.version ?? {}, spec: change(spec) };
      await (await this.cluster.control()).UpdateNode(request, inTime);
    });
  }

  /** What `docker swarm join` prints. @param through  the manager that is asked; the leader where absent */
  async dockerJoin({ machine, engine }: DockerWorker, token: string, through?: DaemonProcess): Promise<string> {
    const address = ["--advertise-addr", machine.address, "--listen-addr", machine.address];
    const { managerAddress } = through ?? (await this.cluster.leader());
    return await engine.docker("swarm", "join", "--token", token, ...address, managerAddress);
  }

  /** By the engine's own word. */
  async nodeId({ engine }: DockerWorker): Promise<string> {
    return await engine.docker("info", "--format", "{{.Swarm.NodeID}}");
  }

  async node(worker: DockerWorker): Promise<Node> {
    const nodeId = await this.nodeId(worker);
    return (await (await this.cluster.control()).GetNode({ nodeId }, inTime)).node ?? {};
  }

  async ready(worker: DockerWorker): Promise<void> {
    await eventually(async () => expect((await this.node(worker)).status?.state).toBe("READY"));
  }

  async down(worker: DockerWorker, nodeId: string): Promise<void> {
    await eventually(async () => {
      const { node } = await (await this.cluster.control()).GetNode({ nodeId }, inTime);
      expect(node?.status?.state, worker.name).toBe("DOWN");
    });
  }

  async createService(spec: ServiceSpecInput): Promise<string> {
    return await this.cluster.createService(spec);
  }

  /** Gives the service a new spec or, without one, its previous one. */
  async updateService(serviceId: string, spec?: ServiceSpecInput): Promise<void> {
    await eventually(async () => {
      const control = await this.cluster.control();
      const { service } = await control.GetService({ serviceId }, inTime);
      const serviceVersion = service?.meta?.version ?? {};
      const change = spec === undefined ? ({ spec: service?.spec ?? {}, rollback: "PREVIOUS" } as const) : { spec };
      await control.UpdateService({ serviceId, serviceVersion, ...change }, inTime);
    });
  }

  async updateState(serviceId: string): Promise<string | undefined> {
    const { service } = await (await this.cluster.control()).GetService({ serviceId }, inTime);
    return service?.updateStatus?.state;
  }

  /** Removes the service and waits until the worker has nothing left of it. */
  async removeService(worker: DockerWorker, serviceId: string): Promise<void> {
    await (await this.cluster.control()).RemoveService({ serviceId }, inTime);
    await this.hasContainers(worker, serviceId, []);
  }

  async createSecret(name: string, data: string): Promise<string> {
    const spec = { annotations: { name }, data: Buffer.from(data) };
    return (await (await this.cluster.control()).CreateSecret({ spec }, inTime)).secret?.id ?? "";
  }

  async createConfig(name: string, data: string): Promise<string> {
    const spec = { annotations: { name }, data: Buffer.from(data) };
    return (await (await this.cluster.control()).CreateConfig({ spec }, inTime)).config?.id ?? "";
  }

  /** Waits until the engine has exactly these containers of a service, running or not. */
  async hasContainers(worker: DockerWorker, serviceId: string, ids: readonly string[]): Promise<void> {
    await this.#lists(worker, serviceId, ids, ["--all"]);
  }

  /** Waits until exactly these containers of a service run on the engine; what ended is history until the task is forgotten. */
  async runsOnly(worker: DockerWorker, serviceId: string, ids: readonly string[]): Promise<void> {
    await this.#lists(worker, serviceId, ids, []);
  }

  /** Waits until no container of a service runs on the engine. */
  async runsNothing(worker: DockerWorker, serviceId: string): Promise<void> {
    await this.runsOnly(worker, serviceId, []);
  }

  async #lists(
    { engine }: DockerWorker,
    serviceId: string,
    ids: readonly string[],
    flags: readonly string[],
  ): Promise<void> {
    const filter = `label=com.docker.swarm.service.id=${serviceId}`;
    await eventually(async () => {
      const found = await engine.docker("ps", "--quiet", "--no-trunc", "--filter", filter, ...flags);
      expect(found.split("\n").filter(Boolean).sort()).toEqual([...ids].sort());
    });
  }

  /** Lines of a service's log, in the order they came; reads on until `isDone` when it follows. */
  async log(
    serviceId: string,
    options: { readonly tail?: number; readonly until?: (lines: readonly string[]) => boolean } = {},
  ): Promise<readonly string[]> {
    const { tail, until } = options;
    const abort = new AbortController();
    const { logs } = await this.cluster.leader();
    const stream = logs.SubscribeLogs(
      {
        selector: { serviceIds: [serviceId] },
        options: { follow: until !== undefined, ...(tail === undefined ? {} : { tail: String(-1 - tail) }) },
      },
      { signal: abort.signal, timeout: callLimit },
    );
    const lines: string[] = [];
    for await (const { messages = [] } of stream) {
      for (const { data } of messages) lines.push(data?.toString().trimEnd() ?? "");
      if (until?.(lines) === true) break;
    }
    abort.abort();
    return lines;
  }

  /** A node that is gone is known after three missed beats; on a busy machine one that is there misses some of a second each. */
  async beatEvery(period: Duration): Promise<void> {
    await this.cluster.updateCluster((spec) => ({
      ...spec,
      dispatcher: { ...spec.dispatcher, heartbeatPeriod: wireDuration(period) },
    }));
  }

  async #prepare(): Promise<void> {
    const labels = Object.fromEntries(this.workers.map(({ name }) => [`for-${name}`, "yes"]));
    await this.cluster.updateNode("w1", (spec) => ({ ...spec, annotations: { ...spec.annotations, labels } }));
  }
}

/** A hook that lets certificates live for a minute: `short-certificates.ts`. */
export const shortCertificates: string = fileURLToPath(new URL("./short-certificates.ts", import.meta.url));

/** Constraint for a service that runs on this worker only. */
export const onlyOn = ({ name }: DockerWorker): readonly string[] => [`node.hostname==${name}`];

/** Constraint for a service that runs on this worker and, without it, on the mswarm worker. */
export const atHomeIn = ({ name }: DockerWorker): readonly string[] => [`node.labels.for-${name}==yes`];

export const shortMonitor = { monitor: wireDuration(milliseconds(300)) };

export const nodesOf = (tasks: readonly Task[]): readonly string[] => tasks.map(({ nodeId }) => nodeId ?? "");
