// A worker with everything around it in memory and on a simulated clock.
import { type FakeContainer, FakeEngine, type FakeEngineOptions } from "@mswarm/engine/fake";
import { milliseconds, silentLogger } from "@mswarm/runtime";
import { SeededRandom, SimulatedClock, settle } from "@mswarm/runtime/simulated";
import type { ContainerSpec, SessionMessage, Task } from "@mswarm/wire";
import { MemorySecretMount } from "../secrets/memory-secret-mount.ts";
import { MemoryTaskJournal } from "../tasks/memory-task-journal.ts";
import { createWorker, type Worker, type WorkerOptions } from "../worker.ts";
import { FakeManager } from "./fake-manager.ts";

export const nodeId = "node1";
export const image = "busybox:latest";

/** A task of the service `web` as an allocator and a scheduler leave it. */
export function assignedTask(id: string, container: ContainerSpec = {}, more: Partial<Task> = {}): Task {
  return {
    id,
    spec: { container: { image, ...container } },
    serviceId: "service1",
    slot: "1",
    nodeId,
    serviceAnnotations: { name: "web", labels: { tier: "front" } },
    status: { state: "ASSIGNED" },
    desiredState: "RUNNING",
    ...more,
  };
}

export class WorkerScene {
  readonly clock: SimulatedClock = new SimulatedClock();
  readonly engine: FakeEngine;
  readonly manager: FakeManager = new FakeManager();
  readonly secretMount: MemorySecretMount = new MemorySecretMount();
  readonly messages: SessionMessage[] = [];
  readonly failures: unknown[] = [];
  journal: MemoryTaskJournal = new MemoryTaskJournal();
  readonly #more: Partial<WorkerOptions>;

  constructor(engine: FakeEngineOptions = {}, more: Partial<WorkerOptions> = {}) {
    this.engine = new FakeEngine({ images: [image], ...engine });
    this.#more = more;
  }

  /** Starts a daemon's worker; `stop` ends it as a daemon ends, containers left alone. */
  async start(): Promise<{ readonly worker: Worker; stop(): Promise<void> }> {
    const { engine, manager, secretMount, journal, clock } = this;
    const abort = new AbortController();
    const worker = createWorker({
      nodeId,
      engine,
      connect: manager.connect,
      secretMount,
      journal,
      onSessionMessage: (message) => this.messages.push(message),
      onSessionFailure: (error) => this.failures.push(error),
      clock,
      random: new SeededRandom(1),
      log: silentLogger(),
      ...this.#more,
    });
    const running = worker.run(abort.signal);
    await this.pass();
    return {
      worker,
      stop: async () => {
        abort.abort();
        await running;
      },
    };
  }

  /** Lets everything happen that needs no time, or as much time as given. */
  async pass(ms = 0): Promise<void> {
    await this.clock.advance(milliseconds(ms));
    for (let turn = 0; turn < 20; turn += 1) await settle();
  }

  /** The only container of a task. */
  containerOf(taskId: string): FakeContainer {
    const found = this.engine.containers.filter(({ spec }) => spec.labels["com.docker.swarm.task.id"] === taskId);
    if (found.length !== 1 || found[0] === undefined) throw new TypeError(`${taskId} has ${found.length} containers`);
    return found[0];
  }
}
