import { seconds, silentLogger } from "@mswarm/runtime";
import { SeededRandom, SimulatedClock, settle } from "@mswarm/runtime/simulated";
import { nodes, Store, services, tasks } from "@mswarm/store";
import { heldProposer } from "@mswarm/store/testing";
import { afterEach, expect, test } from "vitest";
import { replicated, TestSwarm, withImage } from "../orchestrator/testing/test-swarm.ts";
import { runScheduler } from "./scheduler.ts";

const swarms: TestSwarm[] = [];
const swarmOf = (...options: ConstructorParameters<typeof TestSwarm>): TestSwarm => {
  const swarm = new TestSwarm(...options);
  swarms.push(swarm);
  return swarm;
};
afterEach(async () => {
  for (const swarm of swarms.splice(0)) await swarm.stop();
});

test("tasks that do not fit say so, and are placed when there is room", async () => {
  const swarm = swarmOf({ nodes: 1 });
  const reserve = { task: { resources: { reservations: { nanoCpus: "3000000000" } } } };
  const first = swarm.createService(replicated(1, reserve));
  await swarm.advance(seconds(2));
  const second = swarm.createService(replicated(1, reserve));
  await swarm.advance(seconds(2));
  expect(swarm.tasks(second).map((task) => task.status)).toMatchObject([
    { state: "PENDING", err: "no suitable node (insufficient resources on 1 node)" },
  ]);
  swarm.removeService(first);
  await swarm.advance(seconds(5));
  expect(swarm.running(second)).toHaveLength(1);
  expect(swarm.running(second)[0]?.status?.err).toBeUndefined();
});

test("an explanation is written once, not again for each event", async () => {
  const swarm = swarmOf({ nodes: 0 });
  const web = swarm.createService(replicated(1));
  await swarm.advance(seconds(1));
  const before = swarm.tasks(web)[0]?.meta?.version?.index;
  const other = swarm.createService(replicated(2));
  await swarm.advance(seconds(1));
  swarm.removeService(other);
  await swarm.advance(seconds(1));
  expect(swarm.tasks(web)[0]?.meta?.version?.index).toBe(before);
});

test("a task of an old spec that never found a place makes way", async () => {
  const swarm = swarmOf({ nodes: 1 });
  const web = swarm.createService(replicated(1, { task: { placement: { constraints: ["node.labels.gpu==yes"] } } }));
  await swarm.advance(seconds(2));
  swarm.updateService(web, (spec) => withImage("nginx:2")({ ...spec, task: { ...spec.task, placement: {} } }));
  await swarm.advance(seconds(10));
  expect(swarm.running(web).map((task) => task.spec?.container?.image)).toEqual(["nginx:2"]);
});

test("a placement whose node was drained while it was decided is dropped, and made again later", async () => {
  const clock = new SimulatedClock();
  const store = new Store({ clock, random: new SeededRandom(1), freeze: true });
  const proposer = heldProposer(store);
  store.lead(proposer);
  const commit = async (): Promise<void> => {
    await settle();
    proposer.commit();
    await settle();
  };
  const setAvailability = (availability: "ACTIVE" | "DRAIN"): Promise<void> =>
    store.update((tx) => {
      const node = tx.get(nodes, "n1");
      tx.update(nodes, { ...node, spec: { ...node?.spec, availability } });
    });
  const created = store.update((tx) => {
    tx.create(nodes, { id: "n1", status: { state: "READY" }, spec: {} });
    tx.create(services, { id: "web", spec: { annotations: { name: "web" } }, specVersion: {} });
  });
  await commit();
  await created;
  const abort = new AbortController();
  const running = runScheduler({ store, clock, log: silentLogger() }, abort.signal);
  const pending = store.update((tx) =>
    tx.create(tasks, {
      id: "t",
      serviceId: "web",
      specVersion: {},
      status: { state: "PENDING" },
      desiredState: "RUNNING",
    }),
  );
  await settle();
  // It waits behind the task in the store's queue, and goes before the scheduler's answer to it.
  const drained = setAvailability("DRAIN");
  await commit();
  await Promise.all([pending]);
  await commit();
  await drained;
  await commit();
  expect(store.view((tx) => tx.get(tasks, "t"))?.status).toMatchObject({
    state: "PENDING",
    err: "no suitable node (1 node not available for new tasks)",
  });
  const back = setAvailability("ACTIVE");
  await commit();
  await back;
  await commit();
  expect(store.view((tx) => tx.get(tasks, "t"))).toMatchObject({ nodeId: "n1", status: { state: "ASSIGNED" } });
  abort.abort();
  await running;
});
