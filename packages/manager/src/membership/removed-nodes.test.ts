import { hours, silentLogger, wireTimestamp } from "@mswarm/runtime";
import { SimulatedClock, settle } from "@mswarm/runtime/simulated";
import { clusters } from "@mswarm/store";
import { leadingStore } from "@mswarm/store/testing";
import { expect, test } from "vitest";
import { onNodeRemoved, removedNodes, runRemovedNodePruning } from "./removed-nodes.ts";

async function bench() {
  const clock = new SimulatedClock();
  const store = leadingStore({ clock });
  await store.update((tx) => tx.create(clusters, { id: "c", spec: { annotations: { name: "default" } } }));
  const remove = (nodeId: string, expiry?: { seconds: string; nanos: number }) =>
    store.update((tx) => {
      const cluster = tx.get(clusters, "c");
      const entry = expiry === undefined ? {} : { expiry };
      tx.update(clusters, {
        ...cluster,
        blacklistedCertificates: { ...cluster?.blacklistedCertificates, [nodeId]: entry },
      });
    });
  return { clock, store, remove, isRemoved: removedNodes(store, "c") };
}

test("a removed node is known as such from the commit on, and its connections are announced once", async () => {
  const { store, remove, isRemoved } = await bench();
  const heard: string[] = [];
  onNodeRemoved(store, "c", (nodeId) => heard.push(nodeId));
  expect(isRemoved("w1")).toBe(false);
  await remove("w1");
  await remove("w2");
  await store.update((tx) => tx.update(clusters, { ...tx.get(clusters, "c"), fips: false }));
  expect([isRemoved("w1"), isRemoved("w2"), isRemoved("w3"), isRemoved("constructor")]).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect(heard).toEqual(["w1", "w2"]);
});

test("a node is forgotten a week after its certificate expired, and never while it could be used", async () => {
  const { clock, store, remove, isRemoved } = await bench();
  const now = clock.now();
  await remove("soon", wireTimestamp(now));
  await remove("unknown");
  const controller = new AbortController();
  const running = runRemovedNodePruning({ store, clock, log: silentLogger(), clusterId: "c" }, controller.signal);
  await clock.advance(hours(7 * 24 - 1));
  expect(isRemoved("soon")).toBe(true);
  await clock.advance(hours(3));
  expect([isRemoved("soon"), isRemoved("unknown")]).toEqual([false, true]);
  controller.abort();
  await settle();
  await running;
});
