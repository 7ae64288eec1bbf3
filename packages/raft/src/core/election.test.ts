// Elections, rule by rule. Sections are those of the Raft paper (extended version); etcd's settings where it is silent.
import { expect, test } from "vitest";
import { DrivenCore, messageOf } from "../testing/driven-core.ts";

const voteFor = (from: string) => ({ type: "vote" as const, term: 1, from });

/** The paper's rules know no pre-vote; it has a file of its own. */
const plain = { preVote: false };

test("a follower that hears nothing for its election timeout campaigns (5.2)", () => {
  const member = new DrivenCore(plain);
  const sent = member.tick(19);
  expect(sent.map(({ type, to, term }) => [type, to, term])).toEqual([
    ["vote", "2", 1],
    ["vote", "3", 1],
  ]);
  expect(member.core.status()).toMatchObject({ role: "candidate", term: 1, vote: "1", leaderId: "0" });
});

test("the election timeout is random between 10 and 19 ticks, and drawn anew for each campaign (5.2)", () => {
  const timeouts = new Set<number>();
  const member = new DrivenCore({ ...plain, seed: 7 });
  for (let ticks = 1, elections = 0; elections < 300; ticks += 1) {
    if (member.tick().length === 0) continue;
    timeouts.add(ticks);
    elections += 1;
    ticks = 0;
  }
  expect([...timeouts].sort((a, b) => a - b)).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
});

test("a follower that hears its leader does not campaign (5.2)", () => {
  const member = new DrivenCore(plain);
  for (let count = 0; count < 10; count += 1) {
    member.receive({ type: "heartbeat", term: 1 });
    expect(member.tick(9)).toEqual([]);
  }
  expect(member.core.status()).toMatchObject({ role: "follower", term: 1, leaderId: "2" });
});

test("a candidate that a majority votes for leads, and begins its term with an entry without data (5.2)", () => {
  const member = new DrivenCore(plain);
  member.core.campaign();
  member.settle();
  const sent = member.receive({ type: "vote-resp", term: 1 });
  expect(member.core.status()).toMatchObject({ role: "leader", leaderId: "1", term: 1 });
  expect(sent.map(({ type, to }) => [type, to])).toEqual([
    ["app", "2"],
    ["app", "3"],
  ]);
  expect(sent[0]?.entries).toEqual([{ term: 1, index: 1, type: "normal", data: undefined }]);
});

test("a candidate's own vote counts only when it is on disk (3.8)", () => {
  const member = new DrivenCore({ ...plain, voters: ["1"] });
  member.core.campaign();
  const ready = member.core.takeReady();
  expect(ready.persist.hardState).toEqual({ term: 1, vote: "1", commit: 0 });
  expect(member.core.isLeader).toBe(false);
  member.finish(ready);
  expect(member.core.isLeader).toBe(true);
});

test("the request for votes leaves after the candidate's own vote is on disk", () => {
  const member = new DrivenCore(plain);
  member.core.campaign();
  const ready = member.core.takeReady();
  expect(ready.sendAtOnce).toEqual([]);
  expect(ready.sendAfterPersist).toHaveLength(2);
});

test("a member votes once per term, first come, first served (5.2)", () => {
  const member = new DrivenCore();
  expect(member.receive({ type: "vote", term: 1, from: "2" })).toMatchObject([{ type: "vote-resp", reject: false }]);
  expect(member.receive({ type: "vote", term: 1, from: "3" })).toMatchObject([{ type: "vote-resp", reject: true }]);
  expect(member.receive({ type: "vote", term: 1, from: "2" })).toMatchObject([{ type: "vote-resp", reject: false }]);
  expect(member.receive({ type: "vote", term: 2, from: "3" })).toMatchObject([{ type: "vote-resp", reject: false }]);
});

test("a vote is on disk before its answer leaves, and binds after a restart (5.2)", () => {
  const member = new DrivenCore();
  member.core.step(messageOf(voteFor("2")));
  const ready = member.core.takeReady();
  expect(ready.persist.hardState).toEqual({ term: 1, vote: "2", commit: 0 });
  expect(ready.sendAtOnce).toEqual([]);
  expect(ready.sendAfterPersist).toMatchObject([{ type: "vote-resp", reject: false }]);

  const restarted = new DrivenCore({ hardState: { term: 1, vote: "2", commit: 0 } });
  expect(restarted.receive(voteFor("3"))).toMatchObject([{ type: "vote-resp", reject: true }]);
  expect(restarted.receive(voteFor("2"))).toMatchObject([{ type: "vote-resp", reject: false }]);
});

test.each([
  { candidate: "a later last term wins, even with a shorter log", logTerm: 3, index: 1, reject: false },
  { candidate: "the same last term and a longer log", logTerm: 2, index: 4, reject: false },
  { candidate: "the same log", logTerm: 2, index: 3, reject: false },
  { candidate: "the same last term and a shorter log", logTerm: 2, index: 2, reject: true },
  { candidate: "an earlier last term and a longer log", logTerm: 1, index: 9, reject: true },
])("votes go to candidates that hold all a voter holds: $candidate (5.4.1)", ({ logTerm, index, reject }) => {
  const member = new DrivenCore({ log: [1, 2, 2] });
  expect(member.receive({ type: "vote", term: 5, logTerm, index })).toMatchObject([{ type: "vote-resp", reject }]);
});

test("a candidate that hears the leader of its term follows it (5.2)", () => {
  for (const type of ["app", "heartbeat"] as const) {
    const member = new DrivenCore(plain);
    member.core.campaign();
    member.settle();
    member.receive({ type, term: 1, from: "3" });
    expect(member.core.status()).toMatchObject({ role: "follower", term: 1, leaderId: "3", vote: "1" });
  }
});

test("a candidate that a majority refuses becomes a follower (5.2)", () => {
  const member = new DrivenCore(plain);
  member.core.campaign();
  member.settle();
  member.receive({ type: "vote-resp", term: 1, from: "2", reject: true });
  expect(member.core.status().role).toBe("candidate");
  member.receive({ type: "vote-resp", term: 1, from: "3", reject: true });
  expect(member.core.status().role).toBe("follower");
});

test("a vote is counted once, and a stranger's not at all", () => {
  const member = new DrivenCore({ ...plain, voters: ["1", "2", "3", "4", "5"] });
  member.core.campaign();
  member.settle();
  for (const from of ["2", "2", "9"]) member.receive({ type: "vote-resp", term: 1, from });
  expect(member.core.status().role).toBe("candidate");
});

test("a split vote ends in a new election with a later term (5.2)", () => {
  const member = new DrivenCore(plain);
  member.tick(19);
  member.tick(19);
  expect(member.core.status()).toMatchObject({ role: "candidate", term: 2 });
});

test("whoever sees a later term becomes a follower of it (5.1)", () => {
  const leader = new DrivenCore(plain);
  leader.lead();
  leader.receive({ type: "app-resp", term: 7, from: "3" });
  expect(leader.core.status()).toMatchObject({ role: "follower", term: 7, leaderId: "0", vote: "0" });
});

test("answers of an earlier term change nothing (5.1)", () => {
  const member = new DrivenCore({ ...plain, hardState: { term: 4, vote: "0", commit: 0 } });
  member.core.campaign();
  member.settle();
  expect(member.receive({ type: "vote-resp", term: 4 })).toEqual([]);
  expect(member.core.status()).toMatchObject({ role: "candidate", term: 5 });
});

test("a candidate of an earlier term is told the current one (5.1)", () => {
  const member = new DrivenCore({ hardState: { term: 60, vote: "0", commit: 0 } });
  expect(member.receive({ type: "vote", term: 52 })).toMatchObject([{ type: "vote-resp", term: 60, reject: true }]);
  const candidate = new DrivenCore({ ...plain, hardState: { term: 51, vote: "0", commit: 0 } });
  candidate.core.campaign();
  candidate.settle();
  candidate.receive({ type: "vote-resp", term: 60, reject: true });
  candidate.core.campaign();
  expect(candidate.core.term).toBe(61);
});

test("a member that is no voter never campaigns", () => {
  const joiner = new DrivenCore({ ...plain, voters: ["2", "3"] });
  expect(joiner.tick(100)).toEqual([]);
});

test("a message for another member is dropped", () => {
  const member = new DrivenCore();
  expect(member.receive({ type: "vote", term: 3, to: "9" })).toEqual([]);
  expect(member.core.term).toBe(0);
});

test("a second leader of one term is not followed, nor may it make a member campaign (5.2)", () => {
  const member = new DrivenCore({ ...plain, log: [1] });
  member.receive({ type: "heartbeat", term: 2 });
  const claims = [
    { type: "heartbeat", commit: 99 },
    { type: "app", entries: [{ term: 2, index: 2, type: "normal", data: Buffer.from("forged") }] },
    { type: "snap", snapshot: { meta: { index: 50, term: 2, voters: ["3"] }, data: Buffer.from("forged") } },
    { type: "timeout-now" },
  ] as const;
  for (const claim of claims)
    expect(member.receive({ term: 2, from: "3", index: 1, logTerm: 1, ...claim })).toEqual([]);
  expect(member.core.status()).toMatchObject({ role: "follower", term: 2, leaderId: "2", lastIndex: 1, commit: 0 });
});
