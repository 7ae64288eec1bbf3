import { seconds, silentLogger } from "@mswarm/runtime";
import { SimulatedClock, settle } from "@mswarm/runtime/simulated";
import { nodes } from "@mswarm/store";
import { leadingStore } from "@mswarm/store/testing";
import type { NodeRole } from "@mswarm/wire";
import { expect, test } from "vitest";
import { runRoleManager } from "./role-manager.ts";
import { FakeRaftGroup } from "./testing/fake-raft-group.ts";

async function bench() {
  const clock = new SimulatedClock();
  const store = leadingStore({ clock });
  const raft = new FakeRaftGroup(
    ["first", "second", "third"].map((nodeId, index) => ({
      raftId: String(index + 1),
      nodeId,
      address: `10.0.0.${index + 1}:2377`,
    })),
  );
  await store.update((tx) => {
    for (const id of ["first", "second", "third"]) {
      tx.create(nodes, { id, role: "MANAGER", spec: { desiredRole: "MANAGER" } });
    }
    tx.create(nodes, { id: "worker", spec: { desiredRole: "WORKER" } });
  });
  const controller = new AbortController();
  const running = runRoleManager({ store, raft, clock, log: silentLogger() }, controller.signal);
  return {
    clock,
    store,
    raft,
    roleOf: (id: string) => store.view((tx) => tx.get(nodes, id))?.role ?? "WORKER",
    want: async (id: string, desiredRole: NodeRole) => {
      await store.update((tx) => tx.update(nodes, { ...tx.get(nodes, id), spec: { desiredRole } }));
      await settle();
    },
    stop: async () => {
      controller.abort();
      await running;
    },
  };
}

test("a promotion takes effect at once", async () => {
  const { roleOf, want, stop } = await bench();
  await want("worker", "MANAGER");
  expect(roleOf("worker")).toBe("MANAGER");
  await stop();
});

test("a demoted manager leaves Raft before it loses its role", async () => {
  const { roleOf, want, raft, clock, stop } = await bench();
  raft.unreachable.add("3");
  await want("second", "WORKER");
  await clock.advance(seconds(30));
  expect(roleOf("second")).toBe("MANAGER");
  expect(raft.removed).toEqual([]);
  raft.unreachable.clear();
  await clock.advance(seconds(5));
  expect(raft.removed).toEqual(["2"]);
  expect(roleOf("second")).toBe("WORKER");
  await stop();
});

test("a leader that is to be demoted hands over, and its role waits for the next leader", async () => {
  const { roleOf, want, raft, stop } = await bench();
  await want("first", "WORKER");
  expect(raft.transfers).toBeGreaterThan(0);
  expect(raft.removed).toEqual([]);
  expect(roleOf("first")).toBe("MANAGER");
  await stop();
});

test("a member whose node object is gone is removed from Raft", async () => {
  const { store, raft, stop } = await bench();
  await store.update((tx) => tx.remove(nodes, "third"));
  await settle();
  expect(raft.removed).toEqual(["3"]);
  await stop();
});

test("what was left undone by another leader is done at the start", async () => {
  const clock = new SimulatedClock();
  const store = leadingStore({ clock });
  const raft = new FakeRaftGroup([
    { raftId: "1", nodeId: "first", address: "a:1" },
    { raftId: "2", nodeId: "second", address: "a:2" },
    { raftId: "3", nodeId: "gone", address: "a:3" },
  ]);
  await store.update((tx) => {
    // The first manager of a cluster is created with the role still to be raised.
    tx.create(nodes, { id: "first", spec: { desiredRole: "MANAGER" } });
    tx.create(nodes, { id: "second", role: "MANAGER", spec: { desiredRole: "MANAGER" } });
  });
  const controller = new AbortController();
  const running = runRoleManager({ store, raft, clock, log: silentLogger() }, controller.signal);
  await settle();
  expect(store.view((tx) => tx.get(nodes, "first"))?.role).toBe("MANAGER");
  expect(raft.removed).toEqual(["3"]);
  controller.abort();
  await running;
});
