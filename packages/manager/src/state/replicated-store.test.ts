import { MemoryLogStore, memoryDisk, RaftNode, type RaftStart } from "@mswarm/raft";
import { silentLogger } from "@mswarm/runtime";
import { SeededRandom, SimulatedClock, settle } from "@mswarm/runtime/simulated";
import { clusters, nodes, Store } from "@mswarm/store";
import { expect, test } from "vitest";
import { ReplicatedStore } from "./replicated-store.ts";

const self = { raftId: "9223372036854775809", nodeId: "n", address: "10.0.0.1:2377" };

/** A manager that is alone; what it writes survives in `disk`. */
async function manager(start: RaftStart, disk = memoryDisk()) {
  const clock = new SimulatedClock();
  const random = new SeededRandom(1);
  const store = new Store({ clock, random });
  const replicated = new ReplicatedStore(store, clock);
  const failures: Error[] = [];
  const node = await RaftNode.start(
    { start, snapshotInterval: 10, entriesKept: 2 },
    {
      store: new MemoryLogStore(disk),
      stateMachine: replicated,
      transport: { send: () => undefined, setMembers: () => undefined, reachable: () => false },
      clock,
      random,
      log: silentLogger(),
      onFailure: (error) => void failures.push(error),
      onRemoved: () => undefined,
    },
  );
  const disconnect = replicated.connect(node);
  await settle();
  return { store, node, disk, failures, disconnect };
}

test("a leader's updates are replicated, versioned by the log index, and there after a restart", async () => {
  const first = await manager({ kind: "bootstrap", self });
  const { nextIndex } = first.node;
  await first.store.update((tx) => tx.create(clusters, { id: "c", spec: { annotations: { name: "default" } } }));
  expect(first.store.view((tx) => tx.get(clusters, "c"))?.meta?.version?.index).toBe(String(nextIndex));
  for (let at = 0; at < 30; at += 1) await first.store.update((tx) => tx.create(nodes, { id: `n${at}` }));
  await first.node.stop();

  const again = await manager({ kind: "restart" }, first.disk);
  expect(again.node.status().snapshotIndex).toBeGreaterThan(0);
  expect(again.store.save()).toEqual(first.store.save());
  await again.store.update((tx) => tx.create(nodes, { id: "later" }));
  expect(again.failures).toEqual([]);
  await again.node.stop();
});

test("a store follows as soon as its node stops, and its waiting updates are rejected", async () => {
  const { store, node } = await manager({ kind: "bootstrap", self });
  const update = store.update((tx) => tx.create(nodes, { id: "n" }));
  const rejected = expect(update).rejects.toThrow(/the change was not begun/);
  await node.stop();
  await rejected;
  await expect(store.update((tx) => tx.create(nodes, { id: "m" }))).rejects.toThrow(/node lost leader status/);
});

test("a store that is disconnected follows", async () => {
  const { store, node, disconnect } = await manager({ kind: "bootstrap", self });
  disconnect();
  await expect(store.update((tx) => tx.create(nodes, { id: "m" }))).rejects.toThrow(/node lost leader status/);
  await node.stop();
});

test("an entry that cannot be decoded stops the node instead of being skipped", async () => {
  const { node, failures } = await manager({ kind: "bootstrap", self });
  const [done] = node.propose([Buffer.of(0xff, 0xff)]);
  await expect(done).rejects.toThrow();
  await settle();
  expect(failures.length).toBe(1);
});
