// Handing over leadership (thesis 3.10).
import { expect, test } from "vitest";
import { DrivenCore, messageOf } from "../testing/driven-core.ts";
import { isTransfer } from "./voting.ts";

function leaderOf(voters = ["1", "2", "3"]): DrivenCore {
  const leader = new DrivenCore({ preVote: false, voters });
  leader.lead();
  leader.receive({ type: "app-resp", term: 1, index: 1 });
  return leader;
}

test("a follower that has the whole log is told to campaign at once", () => {
  const leader = leaderOf();
  leader.core.transferLeadership("2");
  expect(leader.settle()).toMatchObject([{ type: "timeout-now", to: "2", term: 1 }]);
});

test("a follower that lags is brought up to date first", () => {
  const leader = leaderOf();
  leader.core.transferLeadership("3");
  expect(leader.settle()).toEqual([]);
  const sent = leader.receive({ type: "app-resp", term: 1, index: 1, from: "3" });
  expect(sent.map(({ type, to }) => [type, to])).toContainEqual(["timeout-now", "3"]);
});

test("a follower is told only when whatever was proposed before is committed, or its proposers would not learn of it", () => {
  const leader = leaderOf(["1", "2", "3", "4", "5"]);
  leader.receive({ type: "vote-resp", term: 1, from: "3" });
  for (const from of ["2", "3"]) leader.receive({ type: "app-resp", term: 1, index: 1, from });
  leader.core.propose(Buffer.from("a"));
  leader.core.transferLeadership("2");
  leader.settle();
  expect(leader.receive({ type: "app-resp", term: 1, index: 2 })).toEqual([]);
  const sent = leader.receive({ type: "app-resp", term: 1, index: 2, from: "3" });
  expect(sent.filter(({ type }) => type === "timeout-now")).toMatchObject([{ to: "2" }]);
  expect(leader.applied.at(-1)).toMatchObject({ index: 2 });
});

test("a leader whose own disk is the last to have an entry tells its successor then", () => {
  const leader = new DrivenCore({ preVote: false, voters: ["1", "2"] });
  leader.lead();
  leader.receive({ type: "app-resp", term: 1, index: 1 });
  leader.core.propose(Buffer.from("a"));
  leader.core.transferLeadership("2");
  const ready = leader.core.takeReady();
  leader.core.step(messageOf({ type: "app-resp", term: 1, index: 2 }));
  expect(leader.core.committed).toBe(1);
  leader.finish(ready);
  expect(leader.settle().filter(({ type }) => type === "timeout-now")).toMatchObject([{ to: "2" }]);
});

test("proposals are refused meanwhile, and taken again when the target did not make it in time", () => {
  const leader = leaderOf();
  leader.core.transferLeadership("2");
  expect(() => leader.core.propose(Buffer.from("a"))).toThrow(/being handed over/);
  leader.receive({ type: "heartbeat-resp", term: 1 });
  leader.tick(10);
  expect(leader.core.propose(Buffer.from("a"))).toBe(2);
});

test("the target campaigns without asking first, and says on whose behalf", () => {
  const target = new DrivenCore({ preVote: true });
  target.receive({ type: "heartbeat", term: 1 });
  const sent = target.receive({ type: "timeout-now", term: 1 });
  expect(sent).toMatchObject([
    { type: "vote", term: 2 },
    { type: "vote", term: 2 },
  ]);
  expect(sent.every(isTransfer)).toBe(true);
});

test("the old leader votes for its successor", () => {
  const leader = leaderOf();
  leader.core.transferLeadership("2");
  leader.settle();
  const vote = { type: "vote", term: 2, index: 1, logTerm: 1, context: Buffer.from("CampaignTransfer") } as const;
  expect(leader.receive(vote)).toMatchObject([{ type: "vote-resp", reject: false }]);
  expect(leader.core.status()).toMatchObject({ role: "follower", term: 2, vote: "2" });
});

test("a target that is removed meanwhile is no target any more", () => {
  const leader = leaderOf();
  leader.core.transferLeadership("3");
  leader.core.applyConfChange({ id: "1", type: "remove", raftId: "3", context: undefined });
  expect(leader.core.propose(Buffer.from("a"))).toBe(2);
});

test("leadership goes to another voter, from the leader only", () => {
  const leader = leaderOf();
  expect(() => leader.core.transferLeadership("1")).toThrow(/not another voter/);
  expect(() => leader.core.transferLeadership("9")).toThrow(/not another voter/);
  expect(() => new DrivenCore().core.transferLeadership("2")).toThrow(/lost leader status/);
});

test("a member that is no voter ignores the call to campaign", () => {
  const stranger = new DrivenCore({ voters: ["2", "3"] });
  expect(stranger.receive({ type: "timeout-now", term: 1 })).toEqual([]);
});
