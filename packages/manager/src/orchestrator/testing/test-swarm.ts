// A store, a clock, nodes with fake agents, and the leader's loops on top: what the tests of the loops start from.
import { type Duration, type Random, silentLogger } from "@mswarm/runtime";
import { SeededRandom, SimulatedClock } from "@mswarm/runtime/simulated";
import { clusters, nodes, type Proposer, Store, services, tasks } from "@mswarm/store";
import { immediateProposer } from "@mswarm/store/testing";
import type { Node, Service, ServiceSpec, Task } from "@mswarm/wire";
import { runAllocator } from "../../allocator/allocator.ts";
import { firstIteration, inNextIteration } from "../../objects/job-iteration.ts";
import { isJob } from "../../objects/service-spec.ts";
import { isWanted, stateOf } from "../../objects/task-state.ts";
import { runScheduler } from "../../scheduler/scheduler.ts";
import { runConstraintEnforcer } from "../constraint-enforcer.ts";
import { runGlobalOrchestrator } from "../global.ts";
import { runJobOrchestrator } from "../jobs.ts";
import { runOrphanKeeper } from "../orphans.ts";
import { runTaskReaper } from "../reaper.ts";
import { runServiceRemoval } from "../removed-services.ts";
import { type OrchestratorParts, runReplicatedOrchestrator } from "../replicated.ts";
import { runSecretRotation } from "../rotated-secrets.ts";
import { type FakeAgentOptions, FakeAgents } from "./fake-agents.ts";

type Loop = (parts: OrchestratorParts, signal: AbortSignal) => Promise<void>;

const leaderLoops: readonly Loop[] = [
  runAllocator,
  runScheduler,
  runConstraintEnforcer,
  runOrphanKeeper,
  runTaskReaper,
  runReplicatedOrchestrator,
  runGlobalOrchestrator,
  runJobOrchestrator,
  runServiceRemoval,
  runSecretRotation,
];

export interface TestSwarmOptions {
  readonly agents?: FakeAgentOptions;
  readonly seed?: number;
  /** Nodes `node1` to `noden` that are there from the beginning. */
  readonly nodes?: number;
  readonly historyLimit?: number;
  /** How long a commit takes; none where absent. */
  readonly commitTime?: () => Duration;
}

export class TestSwarm {
  readonly clock: SimulatedClock = new SimulatedClock();
  readonly random: Random;
  readonly store: Store;
  readonly agents: FakeAgents;
  readonly #agentsAbort = new AbortController();
  #leaderAbort = new AbortController();
  readonly #running: Promise<void>[] = [];
  #services = 0;

  constructor(options: TestSwarmOptions = {}) {
    this.random = new SeededRandom(options.seed ?? 1);
    this.store = new Store({ clock: this.clock, random: this.random, freeze: true });
    const { commitTime } = options;
    this.store.lead(
      commitTime === undefined ? immediateProposer(this.store) : slowProposer(this.store, this.clock, commitTime),
    );
    this.agents = new FakeAgents({ store: this.store, clock: this.clock }, options.agents);
    this.#running.push(this.agents.run(this.#agentsAbort.signal));
    const taskHistoryRetentionLimit = String(options.historyLimit ?? 5);
    this.#start((tx) =>
      tx.create(clusters, {
        id: "cluster",
        spec: { annotations: { name: "default" }, orchestration: { taskHistoryRetentionLimit } },
      }),
    );
    for (let number = 1; number <= (options.nodes ?? 0); number += 1) this.addNode(`node${number}`);
    this.lead();
  }

  /** A new leader takes over. */
  lead(): void {
    this.#leaderAbort = new AbortController();
    const parts = { store: this.store, clock: this.clock, random: this.random, log: silentLogger() };
    this.#running.push(...leaderLoops.map((loop) => loop(parts, this.#leaderAbort.signal)));
  }

  /** The leader is gone; agents go on. */
  stopLeading(): void {
    this.#leaderAbort.abort();
  }

  async stop(): Promise<void> {
    this.#leaderAbort.abort();
    this.#agentsAbort.abort();
    await Promise.all(this.#running);
  }

  async advance(span: Duration): Promise<void> {
    await this.clock.advance(span);
  }

  #start(change: Parameters<Store["update"]>[0]): void {
    this.#running.push(this.store.update(change).then(() => undefined));
  }

  addNode(id: string, node: Partial<Node> = {}): void {
    this.#start((tx) =>
      tx.create(nodes, {
        id,
        spec: { annotations: { name: "", labels: {} }, membership: "ACCEPTED", availability: "ACTIVE" },
        status: { state: "READY", addr: "10.0.0.1" },
        description: { hostname: id, resources: { nanoCpus: "4000000000", memoryBytes: "8000000000" } },
        ...node,
      }),
    );
  }

  changeNode(id: string, change: (node: Node) => Node): void {
    this.#start((tx) => {
      const node = tx.get(nodes, id);
      if (node !== undefined) tx.update(nodes, change(node));
    });
  }

  setNodeState(id: string, state: "READY" | "DOWN"): void {
    this.changeNode(id, (node) => ({ ...node, status: { ...node.status, state } }));
  }

  setAvailability(id: string, availability: "ACTIVE" | "PAUSE" | "DRAIN"): void {
    this.changeNode(id, (node) => ({ ...node, spec: { ...node.spec, availability } }));
  }

  removeNode(id: string): void {
    this.#start((tx) => tx.remove(nodes, id));
  }

  /** Creates a service as the control API does and returns its id. */
  createService(spec: ServiceSpec): string {
    this.#services += 1;
    const id = `service${this.#services}`;
    const job = isJob(spec) ? { jobStatus: firstIteration(this.clock.now()) } : {};
    this.#start((tx) =>
      tx.create(services, { id, spec: { annotations: { name: id }, ...spec }, specVersion: {}, ...job }),
    );
    return id;
  }

  /** Updates a service as the control API does. Source: wire reference 7.2. */
  updateService(id: string, change: (spec: ServiceSpec) => ServiceSpec): void {
    this.#start((tx) => {
      const service = tx.get(services, id);
      if (service?.spec === undefined) return;
      const { updateStatus: _gone, ...rest } = service;
      tx.update(services, {
        ...inNextIteration(rest, this.clock.now()),
        spec: change(service.spec),
        specVersion: { index: service.meta?.version?.index ?? "0" },
        previousSpec: service.spec,
        ...(service.specVersion === undefined ? {} : { previousSpecVersion: service.specVersion }),
      });
    });
  }

  scale(id: string, replicas: number): void {
    this.updateService(id, (spec) => ({ ...spec, replicated: { replicas: String(replicas) } }));
  }

  removeService(id: string): void {
    this.#start((tx) => tx.remove(services, id));
  }

  service(id: string): Service | undefined {
    return this.store.view((tx) => tx.get(services, id));
  }

  tasks(serviceId: string): readonly Task[] {
    return this.store.view((tx) => tx.by(tasks, "service", serviceId));
  }

  /** Tasks that run and are meant to. */
  running(serviceId: string): readonly Task[] {
    return this.tasks(serviceId).filter((task) => isWanted(task) && stateOf(task) === "RUNNING");
  }

  /** How many tasks of the service run on each node that has one. */
  perNode(serviceId: string): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { nodeId = "" } of this.running(serviceId)) counts[nodeId] = (counts[nodeId] ?? 0) + 1;
    return counts;
  }
}

/** Commits each group after a while, as a group of managers does. */
function slowProposer(store: Store, clock: SimulatedClock, commitTime: () => Duration): Proposer {
  let nextIndex = store.version + 1;
  return {
    get nextIndex() {
      return nextIndex;
    },
    propose: (entries) => {
      nextIndex += entries.length;
      const span = commitTime();
      return entries.map(async (entry) => {
        // Timers of one moment fire in the order in which they were set.
        await clock.sleep(span);
        store.applyEntry(entry);
      });
    },
  };
}

/** A spec with `image` and so many replicas. */
export function replicated(replicas: number, spec: ServiceSpec = {}): ServiceSpec {
  const task = { ...spec.task, container: { image: "nginx:1", ...spec.task?.container } };
  return { ...spec, task, replicated: { replicas: String(replicas) } };
}

/** The same spec with another image. */
export const withImage =
  (image: string) =>
  (spec: ServiceSpec): ServiceSpec => ({
    ...spec,
    task: { ...spec.task, container: { ...spec.task?.container, image } },
  });
