// A container engine in memory: the same contract as the real one, and switches to make it fail, hang and lose events.
import {
  AsyncQueue,
  failedPrecondition,
  invalidArgument,
  notFound,
  throwIfAborted,
  unavailable,
} from "@mswarm/runtime";
import type { ContainerCreate } from "../container-create.ts";
import type {
  ContainerState,
  ContainerSummary,
  CreateAnswer,
  Engine,
  EngineEvent,
  EngineInfo,
  LogFrame,
  LogOptions,
  RemoveAnswer,
  StartAnswer,
  StopAnswer,
  WaitAnswer,
} from "../engine.ts";
import { FakeContainer } from "./fake-container.ts";
import { FakeFaults } from "./fake-faults.ts";
import { fakeHealth, fakeProgram } from "./fake-program.ts";

export interface FakeEngineOptions {
  /** Images that are there from the start. */
  readonly images?: readonly string[];
  /** Images that can be pulled. */
  readonly registry?: readonly string[];
  /** Credentials the registry wants; absent: none. */
  readonly registryCredentials?: string;
  readonly info?: Partial<EngineInfo>;
  /** What the engine sees of the host's files; absent: everything but `/no-such…`. */
  readonly seesPath?: (path: string) => boolean;
}

const defaultInfo: EngineInfo = {
  name: "fake",
  version: "20.10.24",
  architecture: "x86_64",
  operatingSystem: "linux",
  cpus: 4,
  memoryBytes: 8 * 2 ** 30,
  labels: [],
  plugins: ["bridge", "host", "null", "overlay", "macvlan"].map((name) => ({ type: "Network", name })),
  genericResources: [],
  remapsUsers: false,
  inSwarm: false,
};
const killedBySignal = 137;

export class FakeEngine implements Engine {
  readonly faults: FakeFaults = new FakeFaults();
  /** Images that are here now. */
  readonly images: Set<string>;
  /** Events are dropped while this is true. */
  losesEvents = false;
  readonly #options: FakeEngineOptions;
  readonly #containers = new Map<string, FakeContainer>();
  readonly #subscribers = new Set<AsyncQueue<EngineEvent>>();
  #lastNumber = 0;

  constructor(options: FakeEngineOptions = {}) {
    this.#options = options;
    this.images = new Set(options.images ?? []);
  }

  /** All containers that exist, oldest first. */
  get containers(): readonly FakeContainer[] {
    return [...this.#containers.values()];
  }

  /** The engine stops answering; containers go on, event streams break. */
  goDown(): void {
    this.faults.isDown = true;
    for (const subscriber of this.#subscribers)
      subscriber.fail(unavailable("the engine does not answer: socket hang up"));
  }

  comeBack(): void {
    this.faults.isDown = false;
  }

  /** The container's main process ends. */
  exit(container: FakeContainer, exitCode: number, error = ""): void {
    container.status = "exited";
    container.exitCode = exitCode;
    container.error = error;
    container.pid = 0;
    this.#tell(container, "die");
  }

  setHealth(container: FakeContainer, health: FakeContainer["health"]): void {
    container.health = health;
    this.#tell(container, "health");
  }

  write(container: FakeContainer, stream: LogFrame["stream"], line: string): void {
    const timestamp = { seconds: String(1_767_225_600 + container.output.length), nanos: 0 };
    container.output.push({ stream, timestamp, data: Buffer.from(`${line}\n`), attributes: [] });
    container.changed();
  }

  async info(signal?: AbortSignal): Promise<EngineInfo> {
    await this.faults.pass("info", signal);
    return { ...defaultInfo, ...this.#options.info };
  }

  async ping(signal?: AbortSignal): Promise<void> {
    await this.faults.pass("ping", signal);
  }

  async hasImage(reference: string, signal?: AbortSignal): Promise<boolean> {
    await this.faults.pass("hasImage", signal);
    return this.images.has(reference);
  }

  async pullImage(reference: string, credentials: string | undefined, signal?: AbortSignal): Promise<void> {
    await this.faults.pass("pullImage", signal);
    const isAllowed = this.#options.registryCredentials === credentials;
    if (!(this.#options.registry ?? []).includes(reference) || !isAllowed) {
      throw notFound(`pull access denied for ${reference}, repository does not exist or may require 'docker login'`);
    }
    this.images.add(reference);
  }

  async createContainer(spec: ContainerCreate, signal?: AbortSignal): Promise<CreateAnswer> {
    await this.faults.pass("createContainer", signal);
    if (!this.images.has(spec.image)) throw notFound(`No such image: ${spec.image}`);
    for (const mount of spec.mounts) {
      if (mount.type !== "bind" || this.#sees(mount.source)) continue;
      throw invalidArgument(`invalid mount config for type "bind": bind source path does not exist: ${mount.source}`);
    }
    if (this.containers.some((container) => container.spec.name === spec.name)) return { kind: "name-in-use" };
    this.#lastNumber += 1;
    const id = String(this.#lastNumber).padStart(64, "0");
    this.#containers.set(id, new FakeContainer(id, spec));
    return { kind: "created", id };
  }

  async startContainer(id: string, signal?: AbortSignal): Promise<StartAnswer> {
    await this.faults.pass("startContainer", signal);
    const container = this.#containers.get(id);
    if (container === undefined) return "no-such-container";
    if (container.isRunning) return "already-running";
    const program = fakeProgram(container.spec);
    if (program === undefined) {
      container.error = "OCI runtime create failed: exec: no such file or directory: unknown";
      container.exitCode = 127;
      throw invalidArgument(container.error);
    }
    container.status = "running";
    container.hasStarted = true;
    container.exitCode = 0;
    container.error = "";
    container.pid = 1_000 + this.#lastNumber;
    container.publishedPorts = container.spec.ports.map(({ protocol, containerPort, hostPort }, index) => ({
      protocol,
      containerPort,
      hostPort: hostPort === 0 ? 32_768 + index : hostPort,
    }));
    container.health = fakeHealth(container.spec.healthcheck);
    this.#tell(container, "start");
    for (const line of program.stdout) this.write(container, "stdout", line);
    for (const line of program.stderr) this.write(container, "stderr", line);
    if (program.exitCode !== undefined) this.exit(container, program.exitCode);
    return "started";
  }

  async stopContainer(id: string, _grace: unknown, signal?: AbortSignal): Promise<StopAnswer> {
    await this.faults.pass("stopContainer", signal);
    const container = this.#containers.get(id);
    if (container === undefined) return "no-such-container";
    if (!container.isRunning) return "already-stopped";
    this.exit(container, killedBySignal);
    return "stopped";
  }

  async waitContainer(id: string, signal?: AbortSignal): Promise<WaitAnswer> {
    await this.faults.pass("waitContainer", signal);
    const container = this.#containers.get(id);
    if (container === undefined) return { kind: "no-such-container" };
    while (container.isRunning && !container.removed) {
      await container.nextChange(signal);
      throwIfAborted(signal);
    }
    return { kind: "exited", exitCode: container.exitCode };
  }

  async inspectContainer(id: string, signal?: AbortSignal): Promise<ContainerState | undefined> {
    await this.faults.pass("inspectContainer", signal);
    return this.#containers.get(id)?.state();
  }

  async removeContainer(id: string, options: { readonly force: boolean }, signal?: AbortSignal): Promise<RemoveAnswer> {
    await this.faults.pass("removeContainer", signal);
    const container = this.#containers.get(id);
    if (container === undefined) return "no-such-container";
    if (container.isRunning && !options.force) throw failedPrecondition(`container ${id} is running`);
    if (container.isRunning) this.exit(container, killedBySignal);
    container.removed = true;
    this.#containers.delete(id);
    this.#tell(container, "destroy");
    return "removed";
  }

  async listContainers(
    labels: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<readonly ContainerSummary[]> {
    await this.faults.pass("listContainers", signal);
    const wanted = Object.entries(labels);
    return this.containers
      .filter(({ spec }) =>
        wanted.every(([key, value]) => (value === "" ? spec.labels[key] !== undefined : spec.labels[key] === value)),
      )
      .map(({ id, spec, status }): ContainerSummary => ({ id, name: spec.name, labels: spec.labels, status }));
  }

  async *logs(id: string, options: LogOptions, signal?: AbortSignal): AsyncGenerator<LogFrame> {
    await this.faults.pass("logs", signal);
    const container = this.#containers.get(id);
    if (container === undefined) throw notFound(`No such container: ${id}`);
    container.logReaders += 1;
    try {
      yield* container.read(options, signal);
    } finally {
      container.logReaders -= 1;
    }
  }

  async *events(signal: AbortSignal): AsyncGenerator<EngineEvent> {
    await this.faults.pass("events", signal);
    const queue = new AsyncQueue<EngineEvent>(10_000);
    this.#subscribers.add(queue);
    try {
      for (;;) {
        const event = await queue.next(signal);
        if (event === undefined) return;
        yield event;
      }
    } finally {
      this.#subscribers.delete(queue);
    }
  }

  #sees(path: string): boolean {
    return this.#options.seesPath?.(path) ?? !path.startsWith("/no-such");
  }

  #tell(container: FakeContainer, action: EngineEvent["action"]): void {
    container.changed();
    if (this.losesEvents) return;
    for (const subscriber of this.#subscribers) subscriber.push({ containerId: container.id, action });
  }
}
