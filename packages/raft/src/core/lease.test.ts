// Pre-vote, check-quorum and the lease of a leader: what keeps a cluster from being disturbed without need.
import { expect, test } from "vitest";
import { DrivenCore } from "../testing/driven-core.ts";
import { transferContext } from "./voting.ts";

test("a member asks before it raises its term (thesis 9.6)", () => {
  const member = new DrivenCore({ log: [1, 2] });
  const sent = member.tick(19);
  expect(sent.map(({ type, term, index, logTerm }) => ({ type, term, index, logTerm }))).toEqual([
    { type: "pre-vote", term: 3, index: 2, logTerm: 2 },
    { type: "pre-vote", term: 3, index: 2, logTerm: 2 },
  ]);
  expect(member.core.status()).toMatchObject({ role: "pre-candidate", term: 2, vote: "0" });
});

test("the election proper follows when a majority would vote", () => {
  const member = new DrivenCore();
  member.core.campaign();
  member.settle();
  const sent = member.receive({ type: "pre-vote-resp", term: 1 });
  expect(sent.map(({ type, term }) => [type, term])).toEqual([
    ["vote", 1],
    ["vote", 1],
  ]);
});

test("a member cut off for long returns with the term it left with", () => {
  const member = new DrivenCore();
  member.receive({ type: "heartbeat", term: 3 });
  member.tick(500);
  expect(member.core.term).toBe(3);
  member.receive({ type: "heartbeat", term: 3 });
  expect(member.core.status()).toMatchObject({ role: "follower", leaderId: "2" });
});

test("a pre-vote is answered without remembering anything", () => {
  const member = new DrivenCore();
  const answer = { type: "pre-vote-resp", term: 4, reject: false };
  expect(member.receive({ type: "pre-vote", term: 4, from: "2" })).toMatchObject([answer]);
  expect(member.receive({ type: "pre-vote", term: 4, from: "3" })).toMatchObject([answer]);
  expect(member.core.status()).toMatchObject({ term: 0, vote: "0" });
});

test("a pre-vote for an outdated log is refused with the voter's own term", () => {
  const member = new DrivenCore({ log: [1, 5] });
  const refusal = { type: "pre-vote-resp", term: 5, reject: true };
  expect(member.receive({ type: "pre-vote", term: 6, logTerm: 4, index: 9 })).toMatchObject([refusal]);
  expect(member.receive({ type: "pre-vote", term: 3, logTerm: 2, index: 9 })).toMatchObject([refusal]);
});

test("a pre-candidate that is told of a later term adopts it", () => {
  const member = new DrivenCore();
  member.core.campaign();
  member.settle();
  member.receive({ type: "pre-vote-resp", term: 8, reject: true });
  expect(member.core.status()).toMatchObject({ role: "follower", term: 8 });
});

test("peers that do not ask first are voted for all the same", () => {
  const member = new DrivenCore({ preVote: true });
  expect(member.receive({ type: "vote", term: 1 })).toMatchObject([{ type: "vote-resp", term: 1, reject: false }]);
});

test.each(["vote", "pre-vote"] as const)("a %s is ignored while a leader is heard of (thesis 4.2.3)", (type) => {
  const member = new DrivenCore();
  member.receive({ type: "heartbeat", term: 1 });
  member.tick(9);
  expect(member.receive({ type, term: 2, from: "3" })).toEqual([]);
  expect(member.core.status()).toMatchObject({ term: 1, leaderId: "2" });
  member.core.tick();
  expect(member.receive({ type, term: 2, from: "3" })).toHaveLength(1);
});

test("a leader with a majority ignores requests for votes", () => {
  const leader = new DrivenCore();
  leader.lead();
  expect(leader.receive({ type: "vote", term: 9, from: "3" })).toEqual([]);
  expect(leader.core.isLeader).toBe(true);
});

test("the lease gives way to an election that the leader asked for", () => {
  const member = new DrivenCore();
  member.receive({ type: "heartbeat", term: 1 });
  const answer = member.receive({ type: "vote", term: 2, from: "3", context: Buffer.from(transferContext) });
  expect(answer).toMatchObject([{ type: "vote-resp", term: 2, reject: false }]);
});

test("without check-quorum there is no lease", () => {
  const member = new DrivenCore({ checkQuorum: false });
  member.receive({ type: "heartbeat", term: 1 });
  expect(member.receive({ type: "vote", term: 2, from: "3" })).toMatchObject([{ reject: false }]);
});

test("a member that may not campaign lets the lease of a lost leader run out", () => {
  // It is the second voter of two, but has not heard of it: were its lease renewed, nobody could ever be elected.
  const joiner = new DrivenCore({ voters: [] });
  joiner.receive({ type: "heartbeat", term: 1 });
  joiner.tick(200);
  expect(joiner.receive({ type: "pre-vote", term: 2 })).toMatchObject([{ type: "pre-vote-resp", reject: false }]);
});

test("a leader that hears of no majority for an election timeout steps down", () => {
  const leader = new DrivenCore();
  leader.lead();
  leader.tick(9);
  expect(leader.core.isLeader).toBe(true);
  leader.receive({ type: "heartbeat-resp", term: 1 });
  leader.tick();
  expect(leader.core.isLeader).toBe(true);
  leader.tick(10);
  expect(leader.core.status()).toMatchObject({ role: "follower", term: 1, leaderId: "0" });
});

test("a single member is its own majority", () => {
  const leader = new DrivenCore({ voters: ["1"], preVote: true });
  leader.core.campaign();
  leader.settle();
  leader.tick(100);
  expect(leader.core.isLeader).toBe(true);
});

test.each(["app", "heartbeat"] as const)(
  "a %s of an earlier term is answered with the own term, so that nobody stays stuck",
  (type) => {
    const member = new DrivenCore({ hardState: { term: 6, vote: "1", commit: 0 } });
    expect(member.receive({ type, term: 5 })).toMatchObject([
      { type: "app-resp", term: 6, index: 0, reject: false, to: "2" },
    ]);
  },
);
