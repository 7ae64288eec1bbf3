// Those who have, or had, a manager's certificate and speak Raft: what they send is refused before it reaches the log, and
// the group goes on.
import type { TestNode } from "@mswarm/pki/testing";
import { encodeConfChange, type RaftMessage } from "@mswarm/raft";
import { seconds } from "@mswarm/runtime";
import { nodes } from "@mswarm/store";
import type { raftpb } from "@mswarm/wire";
import { afterAll, beforeAll, expect, test } from "vitest";
import { messageToWire } from "../../packages/manager/src/state/raft-message-codec.ts";
import { type GroupManager, ManagerGroup } from "../integration/manager-group.ts";
import { callLimit, eventually } from "../support/eventually.ts";
import { type CitizensReport, controlOf, startCitizens } from "./good-citizens.ts";

let group: ManagerGroup;
beforeAll(async () => {
  group = await ManagerGroup.start(3);
});
afterAll(() => group.stop());

const junk = Buffer.from([0x12, 0xff, 0xff, 0xff, 0x01]);
const raftIdOf = ({ manager }: GroupManager): string => manager.raft.self.raftId;

function messageOf(fields: Partial<RaftMessage>): raftpb.Message {
  const zero = { term: 0, logTerm: 0, index: 0, entries: [], commit: 0, reject: false, rejectHint: 0 } as const;
  return messageToWire({ type: "heartbeat", to: "0", from: "0", ...zero, ...fields });
}

/** Everything that one could send to break a member that is in `term` and stands at `index`, said to be from `from`. */
function poison(from: string, to: string, { term, index }: { term: number; index: number }): readonly raftpb.Message[] {
  const base = { from, to, term };
  const entry = { term, index: index + 1 };
  const removal = encodeConfChange({ id: "1", type: "remove", raftId: to, context: undefined });
  const meta = { index: index + 1_000, term, voters: [from] };
  const readable: readonly Partial<RaftMessage>[] = [
    { type: "heartbeat", commit: index + 1_000_000 },
    { type: "heartbeat", commit: index },
    { type: "app", index, logTerm: term, commit: index + 1, entries: [{ ...entry, type: "normal", data: junk }] },
    {
      type: "app",
      index,
      logTerm: term,
      commit: index + 1,
      entries: [{ ...entry, type: "conf-change", data: removal }],
    },
    { type: "app", index, logTerm: term, commit: index + 1, entries: [{ ...entry, type: "conf-change", data: junk }] },
    { type: "app", index: index + 1_000_000_000, logTerm: term },
    { type: "app", index: 0, logTerm: 0, entries: [{ term, index: 1, type: "normal", data: Buffer.alloc(0) }] },
    { type: "snap", snapshot: { meta, data: junk } },
    { type: "snap", snapshot: { meta, data: Buffer.alloc(0) } },
    { type: "timeout-now" },
    { type: "prop", term: 0, entries: [{ ...entry, type: "normal", data: junk }] },
    { type: "vote-resp" },
    { type: "pre-vote-resp" },
    { type: "app-resp", index: index + 1_000_000 },
    { type: "app-resp", index, reject: true, rejectHint: 2 ** 50, logTerm: 2 ** 50 },
    { type: "heartbeat-resp", context: junk },
    { type: "vote", term: Math.max(0, term - 1), index: 2 ** 50, logTerm: 2 ** 50 },
    { type: "pre-vote", term: term + 1, index: 2 ** 50, logTerm: 2 ** 50 },
    { type: "heartbeat", term: 0, commit: 2 ** 50 },
    { type: "app", term: Math.max(0, term - 1), index: 0, entries: [{ ...entry, type: "normal", data: junk }] },
    { type: "heartbeat", term: 2 ** 53 - 1 },
    { type: "app-resp", term: 2 ** 52 },
  ];
  const whole = messageOf({ ...base, type: "app" });
  const unreadable: readonly raftpb.Message[] = [
    { ...whole, term: "18446744073709551615" },
    { ...whole, index: "18446744073709551615" },
    { ...whole, entries: [{ Type: "EntryConfChangeV2", Term: String(term), Index: String(index + 1), Data: junk }] },
    { ...whole, type: "MsgHup" },
    { ...whole, type: "MsgReadIndex" },
    { ...whole, type: "MsgSnap" },
    {},
  ];
  return [...readable.map((fields) => messageOf({ ...base, ...fields })), ...unreadable];
}

/** Sends `messages` by all three ways that Raft messages come. Whether they are answered does not matter. */
async function send(attacker: TestNode, to: GroupManager, messages: readonly raftpb.Message[]): Promise<void> {
  const channel = group.channel(attacker, to);
  const raft = channel.client("docker.swarmkit.v1.Raft");
  const options = { timeout: seconds(5) };
  async function* chunks(message: raftpb.Message) {
    yield { message };
    yield { message };
  }
  async function* batches(batch: raftpb.Message[]) {
    yield { messages: batch };
  }
  for (const message of messages) {
    await raft.ProcessRaftMessage({ message }, options).catch(() => undefined);
    await raft.StreamRaftMessage(chunks(message), options).catch(() => undefined);
    await channel
      .client("mswarm.v1.RaftTransport")
      .Stream(batches([message]), options)
      .catch(() => undefined);
  }
  const garbage = { metadata: undefined, deadline: undefined, signal: AbortSignal.timeout(callLimit) };
  const path = "/docker.swarmkit.v1.Raft/ProcessRaftMessage";
  await expect(channel.bytes.unary(path, Buffer.alloc(1_000, 0xff), garbage)).rejects.toThrow();
  channel.close();
}

/** The group's term and leader before and after `attack`, which a worker and a writer must not notice. */
async function undisturbed(attack: () => Promise<void>): Promise<CitizensReport> {
  const { leader } = group;
  const { term } = leader.manager.raft.status();
  const citizens = await startCitizens(group.channel(await group.worker(), leader), controlOf(leader));
  await attack();
  const report = await citizens.stop();
  expect(report.failures).toEqual([]);
  expect(report.writes).toBeGreaterThan(2);
  expect(group.leader).toBe(leader);
  expect(leader.manager.raft.status().term).toBe(term);
  return report;
}

/** All members live, agree, and hold the same. */
async function agree(): Promise<void> {
  await eventually(() => {
    const states = group.managers.map(({ manager }) => manager.raft.status());
    expect(new Set(states.map(({ term }) => term)).size).toBe(1);
    expect(new Set(states.map(({ applied }) => applied)).size).toBe(1);
    const [first, ...others] = group.managers.map(({ manager }) => manager.store.save());
    for (const other of others) expect(other).toEqual(first);
    for (const { manager } of group.managers) expect(manager.raft.members()).toHaveLength(3);
  });
}

const placeOf = ({ manager }: GroupManager): { term: number; index: number } => {
  const { term, lastIndex } = manager.raft.status();
  return { term, index: lastIndex };
};

test("a demoted manager that goes on speaking Raft, under ids old and new, is not heard", async () => {
  const demoted = await group.authority.node();
  await group.record(demoted, "MANAGER");
  await group.leader.manager.store.update((tx) => {
    const node = tx.get(nodes, demoted.nodeId);
    if (node !== undefined) tx.update(nodes, { ...node, role: "WORKER" });
  });
  await agree();
  await undisturbed(async () => {
    for (const to of group.managers) {
      for (const from of ["424242", raftIdOf(group.leader)]) {
        const ahead = { ...placeOf(to), term: placeOf(to).term + 5 };
        await send(demoted, to, poison(from, raftIdOf(to), ahead));
      }
    }
  });
  await agree();
});

test("a manager that is no member, or speaks in another's name, is not heard", async () => {
  const outsider = await group.authority.node();
  await group.record(outsider, "MANAGER");
  await agree();
  await undisturbed(async () => {
    for (const to of group.managers) {
      for (const from of ["424242", "0", raftIdOf(group.follower)]) {
        await send(outsider, to, poison(from, raftIdOf(to), { ...placeOf(to), term: placeOf(to).term + 5 }));
      }
    }
  });
  await agree();
});

test("a member that sends garbage in the leader's term harms nobody", async () => {
  const { leader } = group;
  const [evil, victim] = group.managers.filter((each) => each !== leader);
  if (evil === undefined || victim === undefined) throw new TypeError("three managers");
  await agree();
  const report = await undisturbed(async () => {
    for (const to of [leader, victim]) await send(evil.identity, to, poison(raftIdOf(evil), raftIdOf(to), placeOf(to)));
  });
  expect(report.slowestWrite).toBeLessThan(seconds(10));
  await agree();
});

test("a member that pretends later terms forces an election and no more: what was written stays", async () => {
  const { leader, follower } = group;
  const before = leader.manager.store.save().secrets?.length ?? 0;
  const { term } = placeOf(leader);
  await send(follower.identity, leader, [
    messageOf({ type: "app-resp", from: raftIdOf(follower), to: raftIdOf(leader), term: term + 3 }),
  ]);
  await eventually(() => expect(group.leader.manager.raft.status().term).toBeGreaterThan(term));
  await agree();
  expect(group.leader.manager.store.save().secrets?.length).toBeGreaterThanOrEqual(before);
});

test("snapshots that never end are not collected", async () => {
  const { leader, follower } = group;
  const message = messageOf({
    type: "snap",
    from: raftIdOf(follower),
    to: raftIdOf(leader),
    ...{ term: placeOf(leader).term },
    snapshot: { meta: { index: 10, term: 1, voters: [] }, data: Buffer.alloc(1_000_000) },
  });
  const over = new AbortController();
  async function* endless() {
    for (let count = 0; count < 40; count += 1) yield { message };
    await new Promise((resolve) => over.signal.addEventListener("abort", resolve));
  }
  const before = process.memoryUsage().rss;
  const raft = group.channel(follower.identity, leader).client("docker.swarmkit.v1.Raft");
  const calls = Array.from({ length: 20 }, () =>
    raft.StreamRaftMessage(endless(), { timeout: seconds(6) }).then(
      () => "OK",
      (error: unknown) => String(Reflect.get(error as object, "code")),
    ),
  );
  const ended: string[] = [];
  for (const call of calls) void call.then((code) => ended.push(code));
  // Sixteen calls may be open, of which the newest holds what it has.
  await eventually(() => expect(ended.length).toBeGreaterThanOrEqual(4));
  expect(ended).toContain("RESOURCE_EXHAUSTED");
  expect(process.memoryUsage().rss - before).toBeLessThan(800_000_000);
  over.abort();
  await Promise.all(calls);
  expect(ended).not.toContain("OK");
});
