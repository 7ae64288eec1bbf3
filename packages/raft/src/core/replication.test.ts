// Replication and commitment, rule by rule; sections of the Raft paper (extended version).
import { expect, test } from "vitest";
import { DrivenCore, entryOf, messageOf } from "../testing/driven-core.ts";
import type { RaftMessage } from "./messages.ts";

const plain = { preVote: false };
const placesOf = (message: RaftMessage | undefined): string[] =>
  (message?.entries ?? []).map(({ index, term }) => `${index}/${term}`);
const to = (id: string, messages: readonly RaftMessage[]): RaftMessage[] => messages.filter((one) => one.to === id);

/** A leader in term `log.at(-1) + 1` whose follower 2 has everything. */
function leaderWith(options: ConstructorParameters<typeof DrivenCore>[0] = {}): DrivenCore {
  const leader = new DrivenCore({ ...plain, ...options });
  leader.lead();
  leader.receive({ type: "app-resp", term: leader.core.term, index: leader.core.lastIndex });
  return leader;
}

test("a leader sends heartbeats each tick, with no more commit than the follower is known to hold", () => {
  const leader = leaderWith({ log: [1, 1] });
  expect(leader.core.committed).toBe(3);
  const beats = leader.tick();
  expect(beats.map(({ type, to: id, commit }) => [type, id, commit])).toEqual([
    ["heartbeat", "2", 3],
    ["heartbeat", "3", 0],
  ]);
});

test("a proposal is sent at once, and committed when a majority has it on disk (5.3)", () => {
  const leader = leaderWith();
  expect(leader.core.propose(Buffer.from("a"))).toBe(2);
  const ready = leader.core.takeReady();
  expect(ready.sendAtOnce.map(({ type, to: id }) => [type, id])).toEqual([["app", "2"]]);
  leader.finish(ready);
  leader.settle();
  expect(leader.core.committed).toBe(1);
  leader.receive({ type: "app-resp", term: 1, index: 2 });
  expect(leader.core.committed).toBe(2);
  expect(leader.applied.map(({ data }) => data?.toString())).toEqual([undefined, "a"]);
});

test("a leader counts itself only for what its own disk holds", () => {
  const leader = leaderWith();
  leader.core.propose(Buffer.from("a"));
  const ready = leader.core.takeReady();
  leader.core.step(messageOf({ type: "app-resp", term: 1, index: 2 }));
  expect(leader.core.committed).toBe(1);
  leader.finish(ready);
  expect(leader.core.committed).toBe(2);
});

test("a single member commits when its write is on disk", () => {
  const leader = new DrivenCore({ ...plain, voters: ["1"] });
  leader.core.campaign();
  leader.settle();
  leader.core.propose(Buffer.from("a"));
  const ready = leader.core.takeReady();
  expect(ready.apply).toEqual([]);
  leader.finish(ready);
  expect(leader.core.takeReady().apply).toHaveLength(1);
});

test("entries of earlier terms are not committed by counting (5.4.2, figure 8)", () => {
  const leader = new DrivenCore({ ...plain, log: [1, 2] });
  leader.lead();
  expect(leader.core.term).toBe(3);
  leader.receive({ type: "app-resp", term: 3, index: 2 });
  expect(leader.core.committed).toBe(0);
  leader.receive({ type: "app-resp", term: 3, index: 3 });
  expect(leader.core.committed).toBe(3);
});

test("proposals that came together travel together", () => {
  const leader = leaderWith();
  for (const data of ["a", "b", "c"]) leader.core.propose(Buffer.from(data));
  expect(to("2", leader.settle()).map(placesOf)).toEqual([["2/1", "3/1", "4/1"]]);
});

test("an append carries at most 64 KiB of entries; a larger one travels alone", () => {
  const leader = leaderWith();
  for (const size of [40_000, 20_000, 20_000, 100_000, 10]) leader.core.propose(Buffer.alloc(size));
  expect(to("2", leader.settle()).map(placesOf)).toEqual([["2/1", "3/1"], ["4/1"], ["5/1"], ["6/1"]]);
});

test("appends are pipelined up to the limit; answers and heartbeat answers open the window", () => {
  const leader = leaderWith({ inflightMax: 2, entriesBytesMax: 1 });
  for (const data of ["a", "b", "c", "d"]) leader.core.propose(Buffer.from(data));
  expect(to("2", leader.settle()).map(placesOf)).toEqual([["2/1"], ["3/1"]]);
  expect(to("2", leader.receive({ type: "app-resp", term: 1, index: 2 })).map(placesOf)).toEqual([["4/1"]]);
  // All were lost, say: an empty append behind the last tells.
  expect(to("2", leader.receive({ type: "heartbeat-resp", term: 1 }))).toMatchObject([
    { type: "app", index: 4, entries: [] },
  ]);
  const again = leader.receive({ type: "app-resp", term: 1, index: 4, reject: true, rejectHint: 2, logTerm: 1 });
  expect(to("2", again)).toMatchObject([{ type: "app", index: 2 }]);
});

test("a follower whose log is not known gets one append, and the next after a sign of life", () => {
  const leader = new DrivenCore(plain);
  leader.lead();
  for (const data of ["a", "b"]) {
    leader.core.propose(Buffer.from(data));
    expect(to("3", leader.settle())).toEqual([]);
  }
  expect(to("3", leader.tick())).toMatchObject([{ type: "heartbeat" }]);
  expect(to("3", leader.receive({ type: "heartbeat-resp", term: 1, from: "3" })).map(placesOf)).toEqual([
    ["1/1", "2/1", "3/1"],
  ]);
});

test("an unreachable follower is asked again where it stands", () => {
  const leader = leaderWith();
  leader.core.propose(Buffer.from("a"));
  leader.settle();
  leader.core.reportUnreachable("2");
  expect(to("2", leader.settle()).map(placesOf)).toEqual([["2/1"]]);
  leader.core.reportUnreachable("2");
  expect(leader.settle()).toEqual([]);
});

test("the commit index reaches followers with the next append, or an empty one", () => {
  const leader = leaderWith({ voters: ["1", "2"] });
  leader.core.propose(Buffer.from("a"));
  leader.settle();
  expect(leader.receive({ type: "app-resp", term: 1, index: 2 })).toMatchObject([
    { type: "app", to: "2", entries: [], commit: 2 },
  ]);
  expect(leader.settle()).toEqual([]);
});

test("a follower takes entries that follow its log, and answers when they are on disk (5.3)", () => {
  const follower = new DrivenCore({ log: [1] });
  follower.core.step(messageOf({ type: "app", term: 1, index: 1, logTerm: 1, entries: [entryOf(2, 1)], commit: 1 }));
  const ready = follower.core.takeReady();
  expect(ready.persist.entries).toEqual([entryOf(2, 1)]);
  expect(ready.sendAtOnce).toEqual([]);
  expect(ready.sendAfterPersist).toMatchObject([{ type: "app-resp", index: 2, reject: false }]);
  expect(ready.apply).toEqual([entryOf(1, 1)]);
});

test("a follower whose log differs is overwritten from the first difference on (5.3)", () => {
  const follower = new DrivenCore({ log: [1, 1, 2, 2] });
  const entries = [entryOf(2, 1), entryOf(3, 3)];
  expect(follower.receive({ type: "app", term: 3, index: 1, logTerm: 1, entries })).toMatchObject([
    { index: 3, reject: false },
  ]);
  expect(follower.core.entriesFrom(1).map(({ term }) => term)).toEqual([1, 1, 3]);
});

test("an old append that arrives late does not shorten the log", () => {
  const follower = new DrivenCore({ log: [1, 1, 1] });
  follower.receive({ type: "app", term: 1, index: 0, entries: [entryOf(1, 1)] });
  expect(follower.core.lastIndex).toBe(3);
});

test("a follower commits nothing beyond what agrees with the leader (5.3)", () => {
  const follower = new DrivenCore({ log: [1, 1, 1] });
  follower.receive({ type: "app", term: 2, index: 1, logTerm: 1, commit: 3 });
  expect(follower.core.committed).toBe(1);
});

test("an append behind what is committed is answered with the commit index", () => {
  const follower = new DrivenCore({ log: [1, 1, 1], hardState: { term: 1, vote: "0", commit: 3 } });
  expect(follower.receive({ type: "app", term: 1, index: 1, logTerm: 1 })).toMatchObject([{ index: 3, reject: false }]);
});

test("an append with a hole in it is dropped", () => {
  const follower = new DrivenCore({ log: [1] });
  expect(follower.receive({ type: "app", term: 1, index: 1, logTerm: 1, entries: [entryOf(3, 1)] })).toEqual([]);
  expect(follower.core.lastIndex).toBe(1);
});

test("a follower that lacks the previous entry rejects, and hints at where the logs may agree", () => {
  const short = new DrivenCore({ log: [1, 1] });
  expect(short.receive({ type: "app", term: 3, index: 5, logTerm: 3 })).toMatchObject([
    { type: "app-resp", reject: true, index: 5, rejectHint: 2, logTerm: 1 },
  ]);
  const diverged = new DrivenCore({ log: [1, 2, 4, 4, 4] });
  expect(diverged.receive({ type: "app", term: 5, index: 5, logTerm: 3 })).toMatchObject([
    { reject: true, index: 5, rejectHint: 2, logTerm: 2 },
  ]);
});

test("a leader steps back over a whole term with each rejection", () => {
  const leader = new DrivenCore({ ...plain, log: [1, 3, 3, 3, 3] });
  leader.lead();
  const answer = { type: "app-resp", term: 4, reject: true, index: 5, rejectHint: 4, logTerm: 2 } as const;
  expect(to("2", leader.receive(answer))).toMatchObject([{ type: "app", index: 1, logTerm: 1 }]);
});

test("a rejection as etcd 3.3 sends it, its last index without a term, is followed too", () => {
  const leader = new DrivenCore({ ...plain, log: [1, 3, 3, 3, 3] });
  leader.lead();
  expect(to("2", leader.receive({ type: "app-resp", term: 4, reject: true, index: 5, rejectHint: 3 }))).toMatchObject([
    { type: "app", index: 3, logTerm: 3 },
  ]);
});

test("a rejection that comes late changes nothing", () => {
  const leader = leaderWith({ log: [1, 1] });
  expect(leader.receive({ type: "app-resp", term: 2, reject: true, index: 2, rejectHint: 0 })).toEqual([]);
});

test("an answer beyond the leader's log is not believed", () => {
  const leader = leaderWith();
  leader.receive({ type: "app-resp", term: 1, index: 99 });
  expect(leader.core.status().progress.get("2")).toMatchObject({ match: 1, next: 2 });
});

test("a heartbeat is answered with its context, and carries the commit index", () => {
  const follower = new DrivenCore({ log: [1, 1] });
  const context = Buffer.from("read 7");
  expect(follower.receive({ type: "heartbeat", term: 1, commit: 2, context })).toMatchObject([
    { type: "heartbeat-resp", context },
  ]);
  expect(follower.core.committed).toBe(2);
});

test("a leader that counts on entries which are gone here stops this member", () => {
  const follower = new DrivenCore({ log: [1] });
  expect(() => follower.receive({ type: "heartbeat", term: 1, commit: 5 })).toThrow(/acknowledged entries were lost/);
});

test("only a leader takes proposals", () => {
  const follower = new DrivenCore();
  expect(() => follower.core.propose(Buffer.from("a"))).toThrow(
    "raft: failed to process the request: node lost leader status",
  );
});
