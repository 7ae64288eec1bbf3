import type { Call } from "@mswarm/rpc";
import { cryptoRandom, seconds, silentLogger, unavailable } from "@mswarm/runtime";
import { SimulatedClock } from "@mswarm/runtime/simulated";
import { nodes } from "@mswarm/store";
import { leadingStore } from "@mswarm/store/testing";
import type { Node } from "@mswarm/wire";
import { expect, test } from "vitest";
import { LiveManagers } from "../state/live-managers.ts";
import { Membership, type PeerProbe } from "./join.ts";
import { FakeRaftGroup } from "./testing/fake-raft-group.ts";

const manager: Partial<Node> = { role: "MANAGER", spec: { desiredRole: "MANAGER", membership: "ACCEPTED" } };

async function bench(probe: Partial<PeerProbe> = {}) {
  const clock = new SimulatedClock();
  const store = leadingStore({ clock });
  const raft = new FakeRaftGroup([
    { raftId: "1", nodeId: "first", address: "10.0.0.1:2377" },
    { raftId: "2", nodeId: "second", address: "10.0.0.2:2377" },
    { raftId: "3", nodeId: "third", address: "10.0.0.3:2377" },
  ]);
  await store.update((tx) => {
    for (const id of ["first", "second", "third", "fourth"]) tx.create(nodes, { id, ...manager });
    tx.create(nodes, { id: "worker", role: "WORKER", spec: { desiredRole: "WORKER" } });
  });
  const asked: string[] = [];
  const live = new LiveManagers(clock);
  const refused: string[] = [];
  const membership = new Membership({
    live,
    refused: { add: (nodeId) => void refused.push(nodeId) },
    raft,
    store,
    clock,
    random: cryptoRandom(),
    log: silentLogger(),
    probe: {
      checkHealth: async (address, nodeId) => void asked.push(`${nodeId}@${address}`),
      helloPeer: async () => ({ raftId: "0" }),
      ...probe,
    },
  });
  return { clock, store, raft, membership, asked, live, refused };
}

function callFrom(nodeId: string, remoteAddress = "192.0.2.4:40000"): Call {
  return {
    caller: {
      identity: { nodeId, role: "swarm-manager", clusterId: "c" },
      remoteAddress,
      forwarder: undefined,
      isLocal: false,
    },
    signal: new AbortController().signal,
    deadline: undefined,
    user: undefined,
  };
}

test("a copy of a manager that is there cannot take its place under another address", async () => {
  const { membership, raft, live } = await bench({ helloPeer: async () => ({ raftId: "2", instance: "copy" }) });
  live.greet("second", "original");
  live.streamBegan("second");
  await expect(membership.join({ addr: "10.0.0.9:2377" }, callFrom("second"))).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    message: expect.stringContaining("another daemon takes part as manager second"),
  });
  expect(raft.members().find(({ raftId }) => raftId === "2")?.address).toBe("10.0.0.2:2377");
});

test("a manager joins with a fresh raft id after it was asked back under its own address", async () => {
  const { membership, raft, asked } = await bench();
  const { raftId, members } = await membership.join({ addr: "10.0.0.4:2377" }, callFrom("fourth"));
  expect(asked).toEqual(["fourth@10.0.0.4:2377"]);
  expect(BigInt(raftId ?? "0")).toBeGreaterThan(0n);
  expect(BigInt(raftId ?? "0")).toBeLessThanOrEqual(2n ** 63n);
  expect(members).toHaveLength(4);
  expect(members?.at(-1)).toEqual({ raftId, nodeId: "fourth", addr: "10.0.0.4:2377" });
  expect(raft.members()).toHaveLength(4);
});

test.each([
  ["0.0.0.0:2377", "192.0.2.4:40000", "192.0.2.4:2377"],
  ["[::]:2377", "[2001:db8::4]:40000", "[2001:db8::4]:2377"],
  ["manager4.example:4242", "192.0.2.4:40000", "manager4.example:4242"],
])("the address %s from %s is known as %s", async (addr, remote, known) => {
  const { membership, raft } = await bench();
  await membership.join({ addr }, callFrom("fourth", remote));
  expect(raft.members().at(-1)?.address).toBe(known);
});

test.each(["", "10.0.0.4", "10.0.0.4:0", "10.0.0.4:99999", "10.0.0.4:2377/x", "[nonsense]:2377", "a b:1"])(
  "the address %j is refused",
  async (addr) => {
    const { membership } = await bench();
    await expect(membership.join({ addr }, callFrom("fourth"))).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: `invalid address ${addr} in raft join request`,
    });
  },
);

test("a manager that cannot be reached under its address does not join", async () => {
  const { membership, raft } = await bench({ checkHealth: () => Promise.reject(unavailable("connection refused")) });
  await expect(membership.join({ addr: "10.0.0.4:2377" }, callFrom("fourth"))).rejects.toMatchObject({
    code: "UNKNOWN",
    message: "could not connect to prospective new cluster member using its advertised address: connection refused",
  });
  expect(raft.members()).toHaveLength(3);
});

test("a manager that does not answer within five seconds does not join, and does not hold up others", async () => {
  const { membership, clock } = await bench({
    checkHealth: (_address, nodeId) => (nodeId === "fourth" ? new Promise(() => undefined) : Promise.resolve()),
    helloPeer: async () => ({ raftId: "2" }),
  });
  const late = membership.join({ addr: "10.0.0.4:2377" }, callFrom("fourth"));
  const outcome = expect(late).rejects.toMatchObject({ code: "UNKNOWN" });
  await membership.join({ addr: "10.0.0.2:2377" }, callFrom("second"));
  await clock.advance(seconds(5));
  await outcome;
});

test("a Docker manager is refused in a sentence, and noted, to be forgotten", async () => {
  const { membership, raft, refused } = await bench({ helloPeer: async () => undefined });
  await expect(membership.join({ addr: "10.0.0.4:2377" }, callFrom("fourth"))).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    message: expect.stringContaining("runs Docker Engine"),
  });
  expect(raft.members()).toHaveLength(3);
  expect(refused).toEqual(["fourth"]);
});

test("a known manager with its log keeps its raft id, also under a new address", async () => {
  const { membership, raft } = await bench({ helloPeer: async () => ({ raftId: "2" }) });
  expect((await membership.join({ addr: "10.0.0.2:2377" }, callFrom("second"))).raftId).toBe("2");
  expect((await membership.join({ addr: "10.0.0.22:2377" }, callFrom("second"))).raftId).toBe("2");
  expect(raft.members().map((member) => member.address)).toContain("10.0.0.22:2377");
  expect(raft.removed).toEqual([]);
});

test("a known manager without its log never gets its old raft id again", async () => {
  const { membership, raft } = await bench();
  const { raftId } = await membership.join({ addr: "10.0.0.2:2377" }, callFrom("second"));
  expect(raftId).not.toBe("2");
  expect(raft.removed).toEqual(["2"]);
  expect(raft.members().filter((member) => member.nodeId === "second")).toHaveLength(1);
});

test("a new manager gets the id it has reserved, and asking again admits it once", async () => {
  const { membership, raft } = await bench({ helloPeer: async () => ({ raftId: "77" }) });
  for (let asked = 0; asked < 3; asked += 1) {
    expect((await membership.join({ addr: "10.0.0.4:2377" }, callFrom("fourth"))).raftId).toBe("77");
  }
  expect(raft.members()).toHaveLength(4);
  expect(raft.removed).toEqual([]);
});

test("a reserved id that another member has, or that was removed, is not given", async () => {
  const taken = await bench({ helloPeer: async () => ({ raftId: "3" }) });
  expect((await taken.membership.join({ addr: "10.0.0.4:2377" }, callFrom("fourth"))).raftId).not.toBe("3");
  expect(taken.raft.members()).toHaveLength(4);

  const removed = await bench({ helloPeer: async () => ({ raftId: "77" }) });
  removed.raft.removed.push("77");
  expect((await removed.membership.join({ addr: "10.0.0.4:2377" }, callFrom("fourth"))).raftId).not.toBe("77");
});

test("a follower confirms a member that has not learned of its admission, and changes nothing", async () => {
  const { membership, raft } = await bench({ helloPeer: async () => ({ raftId: "2" }) });
  raft.leads = false;
  const { raftId, members } = await membership.join({ addr: "10.0.0.2:2377" }, callFrom("second"));
  expect(raftId).toBe("2");
  expect(members).toHaveLength(3);
  const elsewhere = membership.join({ addr: "10.0.0.22:2377" }, callFrom("second"));
  await expect(elsewhere).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
  expect(raft.members()).toHaveLength(3);
});

test("a follower admits nobody, and confirms nobody who lost the log", async () => {
  const { membership, raft, asked } = await bench();
  raft.leads = false;
  const joining = (nodeId: string, addr: string): Promise<unknown> => membership.join({ addr }, callFrom(nodeId));
  await expect(joining("fourth", "10.0.0.4:2377")).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
  expect(asked, "a stranger's address is not dialled").toEqual([]);
  await expect(joining("second", "10.0.0.2:2377")).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
  expect(raft.members()).toHaveLength(3);
});

test("joining without the log is refused while the removal could cost the quorum", async () => {
  const { membership, raft } = await bench();
  raft.unreachable.add("3");
  await expect(membership.join({ addr: "10.0.0.2:2377" }, callFrom("second"))).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
  });
  expect(raft.members()).toHaveLength(3);
});

test("a manager's certificate in the hands of a demoted, removed or unknown node does not open Raft", async () => {
  const { membership, store } = await bench();
  for (const nodeId of ["worker", "unknown"]) {
    await expect(membership.join({ addr: "10.0.0.4:2377" }, callFrom(nodeId))).rejects.toMatchObject({
      code: "PERMISSION_DENIED",
    });
  }
  await store.update((tx) => tx.update(nodes, { ...tx.get(nodes, "fourth"), spec: { desiredRole: "WORKER" } }));
  await expect(membership.join({ addr: "10.0.0.4:2377" }, callFrom("fourth"))).rejects.toMatchObject({
    code: "PERMISSION_DENIED",
  });
});

test("two joins of one node at the same time give one member", async () => {
  const { membership, raft } = await bench();
  const calls = [1, 2].map(() => membership.join({ addr: "10.0.0.4:2377" }, callFrom("fourth")));
  await Promise.all(calls);
  expect(raft.members().filter((member) => member.nodeId === "fourth")).toHaveLength(1);
});

test("only a leader that is a member answers", async () => {
  const { membership, raft } = await bench();
  raft.leads = false;
  await expect(membership.join({ addr: "10.0.0.4:2377" }, callFrom("fourth"))).rejects.toMatchObject({
    message: "raft: failed to process the request: node lost leader status",
  });
  raft.joined = false;
  await expect(membership.join({ addr: "10.0.0.4:2377" }, callFrom("fourth"))).rejects.toMatchObject({
    message: "raft: node is not yet part of a raft cluster",
  });
});

test("leaving takes a member out, needs a node, and is harmless when repeated", async () => {
  const { membership, raft } = await bench();
  await expect(membership.leave({})).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: "no node information provided",
  });
  await membership.leave({ node: { raftId: "3" } });
  await membership.leave({ node: { raftId: "3" } });
  expect(raft.removed).toEqual(["3"]);
  await expect(membership.leave({ node: { raftId: "1" } })).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
  expect(raft.transfers).toBe(1);
});
