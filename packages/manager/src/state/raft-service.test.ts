import { MemoryLogStore, type RaftMessage, RaftNode } from "@mswarm/raft";
import { callAs, testManager } from "@mswarm/rpc/testing";
import { silentLogger } from "@mswarm/runtime";
import { SeededRandom, SimulatedClock, settle } from "@mswarm/runtime/simulated";
import { expect, test } from "vitest";
import { chunksOf } from "./docker-raft-calls.ts";
import { healthService } from "./health-service.ts";
import { messageToWire } from "./raft-message-codec.ts";
import { checkPayloads } from "./raft-payloads.ts";
import { raftService, raftTransportService } from "./raft-service.ts";

const member = (raftId: string) => ({ raftId, nodeId: `node${raftId}`, address: `10.0.0.${raftId}:2377` });

/** Member 1 of a group it leads, with member 2; 3 was removed. */
async function leader(): Promise<RaftNode> {
  const clock = new SimulatedClock();
  const node: RaftNode = await RaftNode.start(
    { start: { kind: "bootstrap", self: member("1") } },
    {
      store: new MemoryLogStore(),
      stateMachine: {
        apply: () => undefined,
        snapshot: async () => Buffer.alloc(0),
        restore: () => ({ members: [], removed: [] }),
      },
      transport: {
        send: (messages) => {
          // The other member takes everything.
          for (const { type, to, term, index, entries } of messages) {
            if (type !== "app") continue;
            const last = entries.at(-1)?.index ?? index;
            queueMicrotask(() => node.step(message({ type: "app-resp", from: to, to: "1", term, index: last })));
          }
        },
        setMembers: () => undefined,
        reachable: () => true,
      },
      clock,
      random: new SeededRandom(3),
      log: silentLogger(),
      onFailure: (error) => {
        throw error;
      },
      onRemoved: () => undefined,
    },
  );
  await settle();
  await node.addMember(member("2"));
  const added = node.addMember(member("3"));
  await settle();
  await added;
  await node.removeMember("3");
  await settle();
  return node;
}

function message(fields: Partial<RaftMessage>): RaftMessage {
  const zero = { logTerm: 0, index: 0, entries: [], commit: 0, reject: false, rejectHint: 0 };
  return { type: "heartbeat", to: "1", from: "2", term: 2, ...zero, ...fields };
}

/** A reception that takes every payload and knows node 9 as a worker. */
const receptionOf = (node: () => RaftNode | undefined) => ({
  node,
  isDemoted: (nodeId: string) => nodeId === "node9",
  checkPayloads: () => undefined,
});

const from = (raftId: string) => callAs(testManager(`node${raftId}`));

async function* streamOf<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

test("a node that was demoted is not heard under a raft id that nobody knows", async () => {
  const node = await leader();
  const wire = messageToWire(message({ from: "99", term: 50 }));
  const refused = { code: "PERMISSION_DENIED" };
  const parts = receptionOf(() => node);
  await expect(raftService(parts).ProcessRaftMessage({ message: wire }, from("9"))).rejects.toMatchObject(refused);
  const stream = raftTransportService(parts).Stream(streamOf([{ messages: [wire] }]), from("9"));
  await expect(stream).rejects.toMatchObject(refused);
  expect(node.status()).toMatchObject({ term: 2, role: "leader" });
  await node.stop({ handOver: false });
});

test("whoever is no member is not taken for a new leader while there is one", async () => {
  const node = await leader();
  const service = raftService(receptionOf(() => node));
  for (const type of ["heartbeat", "app", "app-resp", "heartbeat-resp", "vote-resp", "timeout-now"] as const) {
    await service.ProcessRaftMessage({ message: messageToWire(message({ type, from: "8", term: 50 })) }, from("8"));
  }
  expect(node.status()).toMatchObject({ term: 2, role: "leader" });
  await node.stop({ handOver: false });
});

test("a term that would leave no room for elections is refused", async () => {
  const node = await leader();
  const service = raftService(receptionOf(() => node));
  for (const term of [2 ** 53 - 1, 2 ** 40]) {
    const wire = messageToWire(message({ type: "app-resp", term }));
    await expect(service.ProcessRaftMessage({ message: wire }, from("2"))).rejects.toThrow("too far ahead of 2");
  }
  expect(node.status().term).toBe(2);
  await node.stop({ handOver: false });
});

test("a message whose payload cannot be applied never reaches the log", async () => {
  const node = await leader();
  const service = raftService({ ...receptionOf(() => node), checkPayloads });
  const junk = Buffer.from([0x12, 0xff, 0xff]);
  const entry = { term: 3, index: 1, data: junk } as const;
  const meta = { index: 500, term: 9, voters: ["1", "2"] };
  const bad = [
    message({ type: "app", term: 3, entries: [{ ...entry, type: "normal" }] }),
    message({ type: "app", term: 3, entries: [{ ...entry, type: "conf-change" }] }),
    message({ type: "snap", term: 3, snapshot: { meta, data: junk } }),
  ];
  for (const each of bad) {
    const call = service.ProcessRaftMessage({ message: messageToWire(each) }, from("2"));
    await expect(call).rejects.toThrow("raft: a message cannot be applied");
  }
  expect(node.status()).toMatchObject({ term: 2, role: "leader" });
  await node.stop({ handOver: false });
});

test("a manager can neither pile up messages here nor large snapshots", async () => {
  const service = raftService(receptionOf(() => undefined));
  const snapshot = { meta: { index: 5, term: 1, voters: [] }, data: Buffer.alloc(1_000) };
  const chunk = { message: messageToWire(message({ type: "snap", index: 1, snapshot })) };
  const ends: (() => void)[] = [];
  async function* slow(): AsyncGenerator<typeof chunk> {
    yield chunk;
    yield chunk;
    await new Promise<void>((resolve) => ends.push(resolve));
    yield chunk;
  }
  const calls = Array.from({ length: 16 }, () => service.StreamRaftMessage(slow(), from("2")));
  const outcomes = Promise.allSettled(calls);
  await settle();
  expect(ends).toHaveLength(16);
  await expect(service.StreamRaftMessage(slow(), from("2"))).rejects.toMatchObject({ code: "RESOURCE_EXHAUSTED" });
  for (const end of ends) end();
  const failed = (await outcomes).filter(({ status }) => status === "rejected");
  expect(failed).toHaveLength(15);
});

test("a vote of a member is heard, one of a stranger is dropped", async () => {
  const node = await leader();
  const service = raftService(receptionOf(() => node));
  const vote = { type: "vote", term: 9, logTerm: 9, index: 99, context: Buffer.from("CampaignTransfer") } as const;
  await service.ProcessRaftMessage({ message: messageToWire(message({ ...vote, from: "8" })) }, from("8"));
  await service.ProcessRaftMessage(
    { message: messageToWire(message({ ...vote, type: "pre-vote", from: "8" })) },
    from("8"),
  );
  expect(node.status().term).toBe(2);
  await service.ProcessRaftMessage({ message: messageToWire(message(vote)) }, from("2"));
  expect(node.status().term).toBe(9);
  await node.stop({ handOver: false });
});

test("a removed member is told so, in a call and on the stream", async () => {
  const node = await leader();
  const wire = messageToWire(message({ from: "3", term: 50 }));
  const text = "raft: member was removed from the cluster";
  await expect(raftService(receptionOf(() => node)).ProcessRaftMessage({ message: wire }, from("3"))).rejects.toThrow(
    text,
  );
  const transport = raftTransportService(receptionOf(() => node));
  await expect(transport.Stream(streamOf([{ messages: [wire] }]), from("3"))).rejects.toThrow(text);
  expect(node.status().term).toBe(2);
  await node.stop({ handOver: false });
});

test("no manager speaks in the name of another member", async () => {
  const node = await leader();
  const service = raftService(receptionOf(() => node));
  const wire = messageToWire(message({ term: 50 }));
  await expect(service.ProcessRaftMessage({ message: wire }, from("7"))).rejects.toThrow("member 2 is not node node7");
  expect(node.status().term).toBe(2);
  await node.stop({ handOver: false });
});

test("messages for others, forwarded proposals, and messages before membership are dropped with success", async () => {
  const node = await leader();
  const service = raftService(receptionOf(() => node));
  const { lastIndex } = node.status();
  await service.ProcessRaftMessage({ message: messageToWire(message({ to: "5", term: 50 })) }, from("2"));
  const entries = [{ type: "normal", term: 0, index: 0, data: Buffer.from("x") }] as const;
  await service.ProcessRaftMessage({ message: messageToWire(message({ type: "prop", entries })) }, from("2"));
  await service.ProcessRaftMessage({}, from("2"));
  expect(node.status()).toMatchObject({ term: 2, lastIndex });
  const early = raftService(receptionOf(() => undefined));
  expect(await early.ProcessRaftMessage({ message: messageToWire(message({})) }, from("2"))).toEqual({});
  await node.stop({ handOver: false });
});

test("addresses of members are told, those of strangers are not known", async () => {
  const node = await leader();
  const service = raftService(receptionOf(() => node));
  expect(await service.ResolveAddress({ raftId: "2" }, from("2"))).toEqual({ addr: "10.0.0.2:2377" });
  await expect(service.ResolveAddress({ raftId: "255" }, from("2"))).rejects.toThrow("member ff not found");
  await node.stop({ handOver: false });
});

test("a large snapshot is cut into chunks that a Go server takes, and put together again", async () => {
  const node = await leader();
  const data = Buffer.alloc(9_000_000, "state of the cluster ");
  const meta = { index: 500, term: 9, voters: ["1", "2"] };
  const chunks = chunksOf(message({ type: "snap", term: 9, snapshot: { meta, data } }));
  expect(chunks.length).toBe(3);
  const requests = chunks.map((chunk) => ({ message: chunk }));
  await raftService(receptionOf(() => node)).StreamRaftMessage(streamOf(requests), from("2"));
  await settle();
  expect(node.status().snapshotIndex).toBe(500);
  await node.stop({ handOver: false });
});

test("chunks that do not belong together are refused with SwarmKit's words", async () => {
  const service = raftService(receptionOf(() => undefined));
  const snapshot = { meta: { index: 5, term: 1, voters: [] }, data: Buffer.from("x") };
  const first = messageToWire(message({ type: "snap", index: 1, snapshot }));
  const other = messageToWire(message({ type: "snap", index: 2, snapshot }));
  await expect(
    service.StreamRaftMessage(streamOf([{ message: first }, { message: other }]), from("2")),
  ).rejects.toThrow("Raft message chunk with index 2 is different from the previously received raft message index 1");
  const app = messageToWire(message({ type: "app", index: 1 }));
  await expect(service.StreamRaftMessage(streamOf([{ message: first }, { message: app }]), from("2"))).rejects.toThrow(
    "Raft message chunk is not of type MsgSnap",
  );
});

test("health is told by the name of the service", async () => {
  let ready = false;
  const service = healthService({ Raft: () => ready });
  const call = from("2");
  expect(await service.Check({ service: "Raft" }, call)).toEqual({ status: "NOT_SERVING" });
  ready = true;
  expect(await service.Check({ service: "Raft" }, call)).toEqual({ status: "SERVING" });
  expect(await service.Check({}, call)).toEqual({ status: "SERVING" });
  await expect(service.Check({ service: "toString" }, call)).rejects.toThrow("unknown service");
});
