import { silentLogger } from "@mswarm/runtime";
import { SimulatedClock, settle } from "@mswarm/runtime/simulated";
import { networks, type Store, services, tasks } from "@mswarm/store";
import { leadingStore } from "@mswarm/store/testing";
import type { Endpoint, Network, ServiceSpec, Task, TaskSpec } from "@mswarm/wire";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runAllocator } from "./allocator.ts";

let store: Store;
let abort: AbortController;
let running: Promise<void>;

beforeEach(() => {
  const clock = new SimulatedClock();
  store = leadingStore({ clock });
  abort = new AbortController();
  running = runAllocator({ store, clock, log: silentLogger() }, abort.signal);
});
afterEach(async () => {
  abort.abort();
  await running;
});

const network = (id: string, name: string, labels: Record<string, string> = {}): Network => ({
  id,
  spec: { annotations: { name, labels }, driverConfig: { name } },
});
const predefined = { "com.docker.swarm.predefined": "true" };

async function allocated(spec: TaskSpec, task: Partial<Task> = {}): Promise<Task | undefined> {
  await store.update((tx) =>
    tx.create(tasks, { id: "t", spec, status: { state: "NEW", message: "created" }, desiredState: "RUNNING", ...task }),
  );
  await settle();
  return store.view((tx) => tx.get(tasks, "t"));
}

test("a task without networks passes at once", async () => {
  const task = await allocated({}, { endpoint: { spec: { mode: "VIP" } } });
  expect(task?.status).toMatchObject({ state: "PENDING", message: "pending task scheduling" });
  expect(task?.endpoint).toEqual({ spec: { mode: "VIP" } });
  expect(task?.networks).toBeUndefined();
});

test("host-mode ports are copied to the service and to its tasks", async () => {
  const ports = [{ targetPort: 80, publishedPort: 8080, publishMode: "HOST" as const }];
  await store.update((tx) =>
    tx.create(services, { id: "web", spec: { annotations: { name: "web" }, endpoint: { ports } } }),
  );
  const task = await allocated({}, { serviceId: "web", endpoint: { spec: { ports } } });
  expect(task?.endpoint).toEqual({ spec: { ports }, ports });
  expect(store.view((tx) => tx.get(services, "web"))?.endpoint).toEqual({ spec: { ports }, ports });
});

/** The endpoint of one service after each of `specs` has been its spec in turn. */
async function endpointsOf(...specs: readonly ServiceSpec[]): Promise<readonly (Endpoint | undefined)[]> {
  const seen: (Endpoint | undefined)[] = [];
  for (const spec of specs) {
    await store.update((tx) => {
      const known = tx.get(services, "s");
      if (known === undefined) tx.create(services, { id: "s", spec });
      else tx.update(services, { ...known, spec });
    });
    await settle();
    seen.push(store.view((tx) => tx.get(services, "s"))?.endpoint);
  }
  return seen;
}

test("the endpoint of a service says nothing until it has had ports, and keeps their mode afterwards", async () => {
  const ports = [{ targetPort: 80, publishedPort: 8080, publishMode: "HOST" as const }];
  expect(
    await endpointsOf({ endpoint: { mode: "DNSRR" } }, { endpoint: { ports } }, { endpoint: { mode: "DNSRR" } }, {}),
  ).toEqual([undefined, { spec: { ports }, ports }, { spec: { mode: "DNSRR" } }, { spec: { mode: "DNSRR" } }]);
});

test("a service on the network of every node has it among its virtual addresses, unless it wants none", async () => {
  await store.update((tx) => tx.create(networks, network("n1", "host", predefined)));
  const task = { networks: [{ target: "host" }] };
  const virtualIps = [{ networkId: "n1" }];
  expect(
    await endpointsOf({ task }, { task, endpoint: { mode: "DNSRR" } }, { task, endpoint: {} }, { task }, {}),
  ).toEqual([{ virtualIps }, { spec: { mode: "DNSRR" } }, { spec: {}, virtualIps }, { spec: {}, virtualIps }, {}]);
});

test("a predefined network gets its driver and is attached as a whole", async () => {
  await store.update((tx) => tx.create(networks, network("n1", "host", predefined)));
  const task = await allocated({ networks: [{ target: "n1", aliases: ["web"] }] });
  expect(task?.networks).toMatchObject([{ network: { id: "n1", driverState: { name: "host" } }, aliases: ["web"] }]);
  expect(store.view((tx) => tx.get(networks, "n1"))?.driverState).toEqual({ name: "host" });
});

test("a task for a network that cannot be used stays NEW and says why", async () => {
  await store.update((tx) => tx.create(networks, network("n2", "mesh")));
  const task = await allocated({ networks: [{ target: "n2" }] });
  expect(task?.status).toMatchObject({
    state: "NEW",
    err: "network mesh cannot be used yet: only the networks bridge and host of each node can",
  });
});

test("a task that was refused passes when its network has become usable", async () => {
  await store.update((tx) => tx.create(networks, network("n1", "bridge")));
  expect((await allocated({ networks: [{ target: "n1" }] }))?.status?.state).toBe("NEW");
  await store.update((tx) => {
    const known = tx.get(networks, "n1");
    tx.update(networks, {
      ...network("n1", "bridge", predefined),
      ...(known?.meta === undefined ? {} : { meta: known.meta }),
    });
  });
  await settle();
  const task = store.view((tx) => tx.get(tasks, "t"));
  expect(task?.status?.state).toBe("PENDING");
  expect(task?.status?.err).toBeUndefined();
});

test("a task that is not wanted any more is not allocated", async () => {
  expect((await allocated({}, { desiredState: "REMOVE" }))?.status?.state).toBe("NEW");
});
