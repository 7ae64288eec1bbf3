// Snapshots: compaction, sending, restoring (Raft paper, section 7).
import { expect, test } from "vitest";
import { DrivenCore, entryOf, messageOf } from "../testing/driven-core.ts";
import type { RaftMessage, Snapshot } from "./messages.ts";

const snapshotAt = (index: number, term: number, voters = ["1", "2", "3"]): Snapshot => ({
  meta: { index, term, voters },
  data: Buffer.from(`state at ${index}`),
});
const to = (id: string, messages: readonly RaftMessage[]): RaftMessage[] => messages.filter((one) => one.to === id);

/** Leads in term 2 over a log of which only 4/1 and later are left; member 2 is up to date, nothing is known of 3. */
function compactedLeader(voters = ["1", "2", "3"]): DrivenCore {
  const leader = new DrivenCore({ preVote: false, log: [1, 1, 1, 1, 1], hardState: { term: 1, vote: "0", commit: 5 } });
  leader.settle();
  leader.core.keepSnapshot(snapshotAt(5, 1, voters));
  leader.core.compact(3);
  leader.lead();
  leader.receive({ type: "app-resp", term: 2, index: 6 });
  return leader;
}

const rejection = { type: "app-resp", term: 2, from: "3", reject: true, index: 5, rejectHint: 1, logTerm: 1 } as const;

test("compaction keeps what later entries build on", () => {
  const { core } = compactedLeader();
  expect(core.status()).toMatchObject({ firstIndex: 4, lastIndex: 6, snapshotIndex: 5 });
  expect([core.termAt(2), core.termAt(3), core.termAt(4)]).toEqual([undefined, 1, 1]);
});

test("entries are not forgotten before a snapshot covers them", () => {
  const { core } = compactedLeader();
  expect(() => core.compact(6)).toThrow(/beyond the last snapshot/);
});

test("a follower that needs a compacted entry gets the snapshot, and nothing else until it has it", () => {
  const leader = compactedLeader();
  expect(to("3", leader.receive(rejection))).toMatchObject([{ type: "snap", snapshot: { meta: { index: 5 } } }]);
  leader.core.propose(Buffer.from("a"));
  expect(to("3", leader.settle())).toEqual([]);
  const next = leader.receive({ type: "app-resp", term: 2, from: "3", index: 5 });
  expect(to("3", next)).toMatchObject([{ type: "app", index: 5, entries: [{ index: 6 }, { index: 7 }] }]);
});

test("after a failed snapshot the follower's next sign of life starts another", () => {
  const leader = compactedLeader();
  leader.receive(rejection);
  leader.core.reportSnapshot("3", false);
  expect(leader.settle()).toEqual([]);
  const probe = leader.receive({ type: "heartbeat-resp", term: 2, from: "3" });
  expect(to("3", probe)).toMatchObject([{ type: "snap" }]);
});

test("after a delivered snapshot the follower is asked whether it stands there", () => {
  const leader = compactedLeader();
  leader.receive(rejection);
  leader.core.reportSnapshot("3", true);
  const probe = leader.receive({ type: "heartbeat-resp", term: 2, from: "3" });
  expect(to("3", probe)).toMatchObject([{ type: "app", index: 5 }]);
});

test("a member that the snapshot does not name as a voter waits for one that does", () => {
  const leader = compactedLeader(["1", "2"]);
  leader.core.step(messageOf(rejection));
  const ready = leader.core.takeReady();
  expect(ready.needsSnapshot).toBe(true);
  expect(ready.sendAtOnce).toEqual([]);
  leader.finish(ready);
  leader.core.keepSnapshot({ meta: leader.core.snapshotMeta(), data: Buffer.from("state") });
  expect(leader.core.hasReady()).toBe(false);
  const sent = leader.receive({ type: "heartbeat-resp", term: 2, from: "3" });
  expect(to("3", sent)).toMatchObject([{ type: "snap", snapshot: { meta: { index: 6, voters: ["1", "2", "3"] } } }]);
});

test("a snapshot replaces log and voters, and is answered when it is on disk", () => {
  const follower = new DrivenCore({ voters: [], log: [1, 1] });
  const snapshot = snapshotAt(7, 2);
  follower.core.step(messageOf({ type: "snap", term: 2, snapshot }));
  const ready = follower.core.takeReady();
  expect(ready.persist).toEqual({ hardState: { term: 2, vote: "0", commit: 7 }, entries: [], snapshot });
  expect(ready.sendAfterPersist).toMatchObject([{ type: "app-resp", index: 7, reject: false }]);
  expect(ready.apply).toEqual([]);
  expect(follower.core.voters).toEqual(["1", "2", "3"]);
  follower.finish(ready);
  expect(follower.core.status()).toMatchObject({ applied: 7, commit: 7, lastIndex: 7, firstIndex: 8 });
  expect(follower.core.hasReady()).toBe(false);
});

test("a member does not campaign before its state machine is restored", () => {
  const follower = new DrivenCore({ preVote: false });
  follower.core.step(messageOf({ type: "snap", term: 2, snapshot: snapshotAt(7, 2) }));
  follower.core.campaign();
  expect(follower.core.status().role).toBe("follower");
  follower.settle();
  follower.core.campaign();
  expect(follower.core.status().role).toBe("candidate");
});

test("a snapshot of what is already committed is answered with the commit index", () => {
  const follower = new DrivenCore({ log: [1, 1, 1], hardState: { term: 1, vote: "0", commit: 3 } });
  follower.settle();
  expect(follower.receive({ type: "snap", term: 1, snapshot: snapshotAt(2, 1) })).toMatchObject([
    { type: "app-resp", index: 3 },
  ]);
  expect(follower.core.status()).toMatchObject({ firstIndex: 1, lastIndex: 3 });
});

test("a snapshot whose last entry is in the log only moves the commit index", () => {
  const follower = new DrivenCore({ log: [1, 1, 1] });
  expect(follower.receive({ type: "snap", term: 1, snapshot: snapshotAt(2, 1) })).toMatchObject([
    { type: "app-resp", index: 2 },
  ]);
  expect(follower.core.status()).toMatchObject({ commit: 2, firstIndex: 1, lastIndex: 3 });
});

test("entries follow a snapshot in one ready, and are applied after it", () => {
  const follower = new DrivenCore();
  follower.core.step(messageOf({ type: "snap", term: 2, snapshot: snapshotAt(7, 2) }));
  follower.core.step(messageOf({ type: "app", term: 2, index: 7, logTerm: 2, entries: [entryOf(8, 2)], commit: 8 }));
  const ready = follower.core.takeReady();
  expect(ready.persist).toMatchObject({
    snapshot: { meta: { index: 7 } },
    entries: [{ index: 8 }],
    hardState: { commit: 8 },
  });
  expect(ready.apply).toEqual([]);
  follower.finish(ready);
  expect(follower.core.takeReady().apply).toEqual([entryOf(8, 2)]);
});

test("a change of membership that is older than a snapshot received meanwhile is not applied twice", () => {
  const follower = new DrivenCore({ log: [1], hardState: { term: 1, vote: "0", commit: 1 } });
  const ready = follower.core.takeReady();
  follower.core.step(messageOf({ type: "snap", term: 1, snapshot: snapshotAt(9, 1, ["1", "2", "3"]) }));
  follower.core.applyConfChange({ id: "1", type: "add", raftId: "9", context: undefined });
  follower.core.advance(ready);
  follower.settle();
  expect(follower.core.voters).toEqual(["1", "2", "3"]);
});

test("a recovered log may begin before its snapshot", () => {
  const { core } = new DrivenCore({ log: [1, 1, 2, 2], snapshot: snapshotAt(2, 1) });
  expect(core.status()).toMatchObject({ applied: 2, commit: 2, firstIndex: 3, lastIndex: 4 });
});
