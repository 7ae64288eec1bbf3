import { hours, silentLogger } from "@mswarm/runtime";
import { SimulatedClock } from "@mswarm/runtime/simulated";
import { clusters, nodes } from "@mswarm/store";
import { leadingStore } from "@mswarm/store/testing";
import { expect, test } from "vitest";
import { retractJoin, runUnfinishedJoins } from "./unfinished-joins.ts";

async function bench() {
  const clock = new SimulatedClock();
  const store = leadingStore({ clock });
  await store.update((tx) => {
    tx.create(clusters, { id: "c", spec: { annotations: { name: "default" } } });
    tx.create(nodes, { id: "manager", role: "MANAGER" });
    tx.create(nodes, { id: "came", description: { hostname: "came" } });
    tx.create(nodes, { id: "never" });
  });
  const raft = { members: () => [{ raftId: "1", nodeId: "manager", address: "a:1" }] };
  const parts = { store, raft, clock, log: silentLogger() };
  const ids = () => store.view((tx) => [...tx.all(nodes)].map(({ id }) => id)).sort();
  const refused = () => Object.keys(store.view((tx) => tx.get(clusters, "c"))?.blacklistedCertificates ?? {});
  return { clock, parts, ids, refused };
}

test("a node that was admitted and never came is forgotten after a day, and its certificate is refused", async () => {
  const { clock, parts, ids, refused } = await bench();
  const over = new AbortController();
  const running = runUnfinishedJoins(parts, over.signal);
  await clock.advance(hours(23));
  expect(ids()).toEqual(["came", "manager", "never"]);
  await clock.advance(hours(3));
  expect(ids()).toEqual(["came", "manager"]);
  expect(refused()).toEqual(["never"]);
  over.abort();
  await running;
});

test("a Docker Engine that was refused as a manager, and that no leader forgot, is forgotten after a day", async () => {
  const { clock, parts, ids, refused } = await bench();
  const description = { engine: { engineVersion: "26.1.5" } };
  await parts.store.update((tx) => tx.create(nodes, { id: "docker", role: "MANAGER", description }));
  const over = new AbortController();
  const running = runUnfinishedJoins(parts, over.signal);
  await clock.advance(hours(26));
  expect(ids()).toEqual(["came", "manager"]);
  expect(refused()).toContain("docker");
  over.abort();
  await running;
});

test("a join is taken back by a node that has not taken part, and by no other", async () => {
  const { parts, ids, refused } = await bench();
  await retractJoin("never", parts);
  expect(ids()).toEqual(["came", "manager"]);
  expect(refused()).toEqual(["never"]);
  for (const nodeId of ["came", "manager"]) {
    await expect(retractJoin(nodeId, parts)).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
  }
  await expect(retractJoin("stranger", parts)).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("whoever joins and takes it back in a loop cannot fill the list of removed nodes", async () => {
  const { parts, ids, refused } = await bench();
  const removed = Object.fromEntries(Array.from({ length: 999 }, (_unused, index) => [`n${index}`, {}]));
  await parts.store.update((tx) => {
    const cluster = tx.get(clusters, "c");
    tx.update(clusters, { ...cluster, blacklistedCertificates: removed });
    tx.create(nodes, { id: "again" });
  });
  await retractJoin("never", parts);
  await retractJoin("again", parts);
  expect(refused()).toHaveLength(1_000);
  expect(refused()).not.toContain("again");
  expect(ids()).toEqual(["came", "manager"]);
});
