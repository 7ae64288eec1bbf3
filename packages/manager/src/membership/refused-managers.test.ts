import { seconds, silentLogger } from "@mswarm/runtime";
import { SimulatedClock } from "@mswarm/runtime/simulated";
import { clusters, nodes } from "@mswarm/store";
import { leadingStore } from "@mswarm/store/testing";
import { expect, test } from "vitest";
import { RefusedManagers } from "./refused-managers.ts";

const docker = { hostname: "docker", engine: { engineVersion: "26.1.5" } };

async function bench() {
  const clock = new SimulatedClock();
  const store = leadingStore({ clock });
  await store.update((tx) => {
    tx.create(clusters, { id: "c", spec: { annotations: { name: "default" } } });
    tx.create(nodes, { id: "leader", role: "MANAGER" });
    tx.create(nodes, { id: "docker", role: "MANAGER", description: docker, status: { state: "READY" } });
    tx.create(nodes, { id: "other", role: "MANAGER" });
    tx.create(nodes, { id: "worker", role: "WORKER", description: docker });
    tx.create(nodes, { id: "mswarm", role: "MANAGER", description: { engine: { labels: { "mswarm.version": "1" } } } });
  });
  const raft = { members: () => [{ raftId: "1", nodeId: "leader", address: "a:1" }] };
  const over = new AbortController();
  const refused = new RefusedManagers(clock);
  const running = refused.run({ store, raft, clock, log: silentLogger() }, over.signal);
  const ids = () => store.view((tx) => [...tx.all(nodes)].map(({ id }) => id)).sort();
  const shutOut = () => Object.keys(store.view((tx) => tx.get(clusters, "c"))?.blacklistedCertificates ?? {});
  const end = async () => {
    over.abort();
    await running;
  };
  return { clock, store, refused, ids, shutOut, end };
}

test("a refused manager is forgotten and its certificate refused, but not before it has its answer", async () => {
  const { clock, refused, ids, shutOut, end } = await bench();
  refused.add("docker");
  await clock.advance(seconds(2));
  expect(ids()).toContain("docker");
  refused.add("other");
  await clock.advance(seconds(2));
  expect(ids()).toEqual(["leader", "mswarm", "other", "worker"]);
  expect(shutOut()).toEqual(["docker"]);
  await clock.advance(seconds(2));
  expect(shutOut()).toEqual(["docker", "other"]);
  await end();
});

test("one that asks again and again is forgotten after its last refusal", async () => {
  const { clock, refused, ids, end } = await bench();
  for (let asked = 0; asked < 3; asked += 1) {
    refused.add("docker");
    await clock.advance(seconds(2));
  }
  expect(ids()).toContain("docker");
  await clock.advance(seconds(2));
  expect(ids()).not.toContain("docker");
  await end();
});

test("members, workers, mswarm nodes and nodes that are gone already are left alone", async () => {
  const { clock, refused, ids, shutOut, end } = await bench();
  const before = ids();
  for (const nodeId of ["leader", "worker", "mswarm", "gone"]) refused.add(nodeId);
  await clock.advance(seconds(10));
  expect(ids()).toEqual(before);
  expect(shutOut()).toEqual([]);
  await end();
});
