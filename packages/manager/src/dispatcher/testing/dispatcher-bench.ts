// A dispatcher over a store that commits at once, on a simulated clock, with callers made by hand.
import type { Call } from "@mswarm/rpc";
import { type Logger, silentLogger } from "@mswarm/runtime";
import { SeededRandom, SimulatedClock, settle } from "@mswarm/runtime/simulated";
import { clusters, nodes, type Store, secrets, tasks } from "@mswarm/store";
import { leadingStore } from "@mswarm/store/testing";
import type { Node, NodeDescription, SessionMessage, Task, TaskState } from "@mswarm/wire";
import { Dispatcher } from "../dispatcher.ts";
import type { ManagerAddress } from "../session-message.ts";

export const clusterId: string = "c".repeat(25);
export const managerId: string = "m".repeat(25);

export interface Bench {
  readonly clock: SimulatedClock;
  readonly random: SeededRandom;
  readonly store: Store;
  readonly dispatcher: Dispatcher;
  setManagers(managers: readonly ManagerAddress[]): void;
  /** Begins a leadership; the returned function ends it and waits for the end. */
  lead(): Promise<() => Promise<void>>;
  addNode(id: string, node?: Partial<Node>): Promise<void>;
  node(id: string): Node | undefined;
  task(id: string): Task | undefined;
  putTask(task: Task): Promise<void>;
  setState(taskId: string, state: TaskState): Promise<void>;
  addSecret(id: string): Promise<void>;
}

export async function dispatcherBench(log: Logger = silentLogger()): Promise<Bench> {
  const clock = new SimulatedClock();
  const random = new SeededRandom(7);
  const store = leadingStore({ clock, random });
  let managers: readonly ManagerAddress[] = [{ nodeId: managerId, address: "10.0.0.1:2377" }];
  const listeners = new Set<() => void>();
  const dispatcher = new Dispatcher({
    store,
    clock,
    random,
    log,
    nodeId: managerId,
    clusterId,
    isMswarmNode: (node) => node.description?.hostname === "ours",
    managers: {
      managers: () => managers,
      onChange: (listener) => {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    },
  });
  await store.update((tx) =>
    tx.create(clusters, {
      id: clusterId,
      spec: { annotations: { name: "default" }, dispatcher: { heartbeatPeriod: { seconds: "5" } } },
      rootCa: { caCert: Buffer.from("root one") },
    }),
  );
  return {
    clock,
    random,
    store,
    dispatcher,
    setManagers: (next) => {
      managers = next;
      for (const listener of listeners) listener();
    },
    lead: async () => {
      const controller = new AbortController();
      const running = dispatcher.run(controller.signal);
      await settle();
      return async () => {
        controller.abort();
        await running;
      };
    },
    addNode: async (id, node = {}) =>
      void (await store.update((tx) =>
        tx.create(nodes, { id, spec: { membership: "ACCEPTED", desiredRole: "WORKER" }, ...node }),
      )),
    node: (id) => store.view((tx) => tx.get(nodes, id)),
    task: (id) => store.view((tx) => tx.get(tasks, id)),
    putTask: async (task) =>
      void (await store.update((tx) => {
        const known = tx.get(tasks, task.id ?? "");
        return known === undefined
          ? tx.create(tasks, task)
          : tx.update(tasks, { ...task, ...(known.meta === undefined ? {} : { meta: known.meta }) });
      })),
    setState: async (taskId, state) =>
      void (await store.update((tx) => {
        const task = tx.get(tasks, taskId);
        return task === undefined ? undefined : tx.update(tasks, { ...task, status: { ...task.status, state } });
      })),
    addSecret: async (id) =>
      void (await store.update((tx) =>
        tx.create(secrets, { id, spec: { annotations: { name: `secret-${id}` }, data: Buffer.from(`data ${id}`) } }),
      )),
  };
}

/** A call as `rpc` would hand it over. */
export function callOf(
  nodeId: string,
  options: { readonly signal?: AbortSignal; readonly isLocal?: boolean } = {},
): Call {
  const isLocal = options.isLocal ?? false;
  return {
    caller: {
      identity: isLocal ? undefined : { nodeId, role: "swarm-worker", clusterId },
      remoteAddress: isLocal ? "" : "192.0.2.7:41000",
      forwarder: undefined,
      isLocal,
    },
    signal: options.signal ?? new AbortController().signal,
    deadline: undefined,
    user: undefined,
  };
}

/** An agent's session: its stream and the first message. */
export interface OpenSession {
  readonly id: string;
  readonly first: SessionMessage;
  readonly stream: AsyncGenerator<SessionMessage>;
  /** Breaks the connection. */
  cut(): Promise<void>;
}

export async function openSession(
  bench: Bench,
  nodeId: string,
  options: { readonly sessionId?: string; readonly description?: NodeDescription } = {},
): Promise<OpenSession> {
  const controller = new AbortController();
  const stream = bench.dispatcher.session(
    {
      description: options.description ?? { hostname: nodeId },
      ...(options.sessionId === undefined ? {} : { sessionId: options.sessionId }),
    },
    callOf(nodeId, { signal: controller.signal }),
  );
  const first = await stream.next();
  if (first.done === true) throw new TypeError("the session stream ended before its first message");
  const rest = stream.next.bind(stream);
  return {
    id: first.value.sessionId ?? "",
    first: first.value,
    stream,
    cut: async () => {
      controller.abort();
      await rest().catch(() => undefined);
    },
  };
}
