// The contract between core and driver.
import { expect, test } from "vitest";
import { DrivenCore, entryOf, messageOf } from "../testing/driven-core.ts";
import { raftDefaults } from "./config.ts";

test("there is one ready at a time, and proposals collect meanwhile", () => {
  const leader = new DrivenCore({ preVote: false });
  leader.lead();
  leader.core.propose(Buffer.from("a"));
  const ready = leader.core.takeReady();
  leader.core.propose(Buffer.from("b"));
  leader.core.propose(Buffer.from("c"));
  expect(leader.core.hasReady()).toBe(false);
  expect(() => leader.core.takeReady()).toThrow(/second ready/);
  leader.finish(ready);
  expect(leader.core.takeReady().persist.entries.map(({ data }) => data?.toString())).toEqual(["b", "c"]);
});

test("only the ready at work can be finished", () => {
  const member = new DrivenCore();
  member.core.campaign();
  const ready = member.core.takeReady();
  member.finish(ready);
  expect(() => member.core.advance(ready)).toThrow(/not being worked on/);
});

test("a commit index alone is not written; it goes to disk with the next entries", () => {
  const follower = new DrivenCore({ log: [1, 1] });
  follower.core.step(messageOf({ type: "heartbeat", term: 1, commit: 2 }));
  const commit = follower.core.takeReady();
  expect(commit).toMatchObject({ needsPersist: false, persist: { entries: [] } });
  expect(commit.apply).toHaveLength(2);
  follower.finish(commit);
  follower.core.step(messageOf({ type: "app", term: 1, index: 2, logTerm: 1, entries: [entryOf(3, 1)], commit: 2 }));
  expect(follower.core.takeReady().persist).toEqual({
    hardState: { term: 1, vote: "0", commit: 2 },
    entries: [entryOf(3, 1)],
  });
});

test("nothing due, nothing ready", () => {
  const member = new DrivenCore({ log: [1] });
  expect(member.core.hasReady()).toBe(false);
});

test("a change of leader is told once", () => {
  const follower = new DrivenCore();
  follower.core.step(messageOf({ type: "heartbeat", term: 2 }));
  const ready = follower.core.takeReady();
  expect(ready.leadership).toEqual({ role: "follower", leaderId: "2", term: 2 });
  follower.finish(ready);
  follower.core.step(messageOf({ type: "heartbeat", term: 2 }));
  expect(follower.core.takeReady().leadership).toBeUndefined();
});

test("an entry that was overwritten while it was being written does not count as written", () => {
  const member = new DrivenCore({ preVote: false });
  member.core.step(messageOf({ type: "app", term: 1, entries: [entryOf(1, 1), entryOf(2, 1)] }));
  const ready = member.core.takeReady();
  member.core.step(messageOf({ type: "app", term: 2, from: "3", index: 1, logTerm: 1, entries: [entryOf(2, 2)] }));
  member.finish(ready);
  expect(member.core.status()).toMatchObject({ persisted: 0, lastIndex: 2 });
  member.settle();
  expect(member.core.status().persisted).toBe(2);
});

test("a long log is applied in portions, each entry once and in order", () => {
  const log = Array.from({ length: 10 }, () => 1);
  const member = new DrivenCore({ log, hardState: { term: 1, vote: "0", commit: 10 }, applyBytesMax: 40 });
  const first = member.core.takeReady();
  expect(first.apply.map(({ index }) => index)).toEqual([1, 2]);
  member.finish(first);
  member.settle();
  expect(member.applied.map(({ index }) => index)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test("a log that lost committed entries does not start", () => {
  const lost = { hardState: { term: 1, vote: "0", commit: 5 }, log: [1, 1] };
  expect(() => new DrivenCore(lost)).toThrow(/ends at index 2, but entries up to 5 were committed/);
});

test.each([{ id: "0" }, { id: "x" }, { electionTicks: 1 }, { heartbeatTicks: 0 }, { inflightMax: 0 }])(
  "settings that cannot work are refused: %o",
  (config) => {
    expect(() => new DrivenCore({ ...raftDefaults, ...config })).toThrow(/raft id|ticks|in-flight/);
  },
);
