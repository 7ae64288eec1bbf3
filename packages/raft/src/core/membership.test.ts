// Changes of membership: one at a time, in force when applied (thesis 4.1, as in etcd).
import { expect, test } from "vitest";
import { encodeConfChange } from "../testing/conf-change-text.ts";
import { DrivenCore, messageOf } from "../testing/driven-core.ts";
import { bootstrapState } from "./config.ts";
import type { ConfChange } from "./messages.ts";

const changeOf = (type: ConfChange["type"], raftId: string): ConfChange => ({
  id: "1",
  type,
  raftId,
  context: undefined,
});

/** Leads in term 1, everything applied. */
function settledLeader(voters = ["1", "2", "3"]): DrivenCore {
  const leader = new DrivenCore({ preVote: false, voters });
  leader.lead();
  leader.receive({ type: "vote-resp", term: 1, from: "3" });
  for (const from of ["2", "3"]) leader.receive({ type: "app-resp", term: 1, from, index: leader.core.lastIndex });
  return leader;
}

test("a change is in force when it is applied, not before", () => {
  const leader = settledLeader();
  expect(leader.core.proposeConfChange(changeOf("add", "4"))).toBe(2);
  leader.settle();
  expect(leader.core.voters).toEqual(["1", "2", "3"]);
  const sent = leader.receive({ type: "app-resp", term: 1, index: 2 });
  expect(leader.core.voters).toEqual(["1", "2", "3", "4"]);
  expect(sent.filter(({ to }) => to === "4")).toMatchObject([{ type: "app", index: 2 }]);
});

test("a second change waits until the first is applied", () => {
  const leader = settledLeader();
  leader.core.proposeConfChange(changeOf("add", "4"));
  expect(() => leader.core.proposeConfChange(changeOf("add", "5"))).toThrow(/still in progress/);
  leader.settle();
  leader.receive({ type: "app-resp", term: 1, index: 2 });
  expect(leader.core.proposeConfChange(changeOf("add", "5"))).toBe(3);
});

test("a new leader changes nothing before its term's first entry is applied", () => {
  const leader = new DrivenCore({ preVote: false });
  leader.lead();
  expect(() => leader.core.proposeConfChange(changeOf("add", "4"))).toThrow(/still in progress/);
});

test("a smaller cluster commits what the larger could not", () => {
  const leader = settledLeader(["1", "2", "3", "4"]);
  leader.core.proposeConfChange(changeOf("remove", "4"));
  leader.core.propose(Buffer.from("a"));
  leader.settle();
  leader.receive({ type: "app-resp", term: 1, index: 3, from: "2" });
  expect(leader.core.committed).toBe(1);
  leader.receive({ type: "app-resp", term: 1, index: 2, from: "3" });
  expect(leader.core.voters).toEqual(["1", "2", "3"]);
  expect(leader.core.committed).toBe(3);
});

test("a leader that is removed tells the others and steps down", () => {
  const leader = settledLeader();
  leader.core.proposeConfChange(changeOf("remove", "1"));
  leader.settle();
  const sent = leader.receive({ type: "app-resp", term: 1, index: 2 });
  expect(sent.filter(({ to }) => to === "2")).toMatchObject([{ type: "app", commit: 2 }]);
  expect(leader.core.status()).toMatchObject({ role: "follower", leaderId: "0", voters: ["2", "3"] });
  expect(leader.tick(100)).toEqual([]);
});

test("the last member cannot be removed", () => {
  const leader = new DrivenCore({ preVote: false, voters: ["1"] });
  leader.core.campaign();
  leader.settle();
  expect(() => leader.core.proposeConfChange(changeOf("remove", "1"))).toThrow(
    "raft: the last member cannot be removed",
  );
});

test("an update changes no voter", () => {
  const leader = settledLeader();
  expect(leader.core.applyConfChange(changeOf("update", "2"))).toEqual(["1", "2", "3"]);
});

test("a member does not campaign while a committed change is not applied", () => {
  const recovered = bootstrapState(encodeConfChange(changeOf("add", "1")));
  const member = new DrivenCore({ preVote: false, hardState: { term: 1, vote: "0", commit: 0 }, voters: ["1", "2"] });
  member.receive({ type: "app", term: 1, entries: recovered.entries });
  member.core.step(messageOf({ type: "heartbeat", term: 1, commit: 1 }));
  member.core.campaign();
  expect(member.core.status().role).toBe("follower");
  member.settle();
  member.core.campaign();
  expect(member.core.status().role).toBe("candidate");
});

test("a new cluster begins with the change that adds its founder", () => {
  const state = bootstrapState(encodeConfChange(changeOf("add", "1")));
  const founder = new DrivenCore({ voters: [], hardState: { term: 1, vote: "0", commit: 0 } });
  founder.receive({ type: "app", term: 1, entries: state.entries, commit: 1 });
  expect(state).toMatchObject({
    hardState: { term: 1, commit: 1 },
    entries: [{ index: 1, term: 1, type: "conf-change" }],
  });
  expect(founder.core.voters).toEqual(["1"]);
  founder.core.campaign();
  founder.settle();
  expect(founder.core.status()).toMatchObject({ role: "leader", term: 2, commit: 2 });
});
