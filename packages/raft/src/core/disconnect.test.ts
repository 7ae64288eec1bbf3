// A leader whose process died is replaced before an election timeout has passed; a false alarm changes nothing.
import { expect, test } from "vitest";
import { DrivenCore } from "../testing/driven-core.ts";

function follower(options: { preVote?: boolean } = {}): DrivenCore {
  const core = new DrivenCore({ preVote: true, ...options });
  core.receive({ type: "heartbeat", term: 1, from: "3" });
  return core;
}

test("the first of the remaining members asks for pre-votes at the next tick", () => {
  const core = follower();
  core.core.reportDisconnected("3");
  expect(core.tick(1)).toMatchObject([
    { type: "pre-vote", term: 2 },
    { type: "pre-vote", term: 2 },
  ]);
});

test("the lease of the lost leader no longer forbids votes for others", () => {
  const core = follower();
  const ask = { type: "pre-vote", term: 2, from: "2", index: 0, logTerm: 0 } as const;
  expect(core.receive(ask)).toEqual([]);
  core.core.reportDisconnected("3");
  expect(core.receive(ask)).toMatchObject([{ type: "pre-vote-resp", reject: false }]);
});

test("a member that is not the leader may go without consequences", () => {
  const core = follower();
  core.core.reportDisconnected("2");
  expect(core.tick(3)).toEqual([]);
  expect(core.core.status().leaderId).toBe("3");
});

test("a leader that is heard again is followed again, with a whole election timeout", () => {
  const core = follower();
  core.core.reportDisconnected("3");
  core.receive({ type: "heartbeat", term: 1, from: "3" });
  expect(core.core.status().leaderId).toBe("3");
  expect(core.tick(9)).toEqual([]);
});

test("without pre-vote a broken connection is no reason to campaign", () => {
  const core = follower({ preVote: false });
  core.core.reportDisconnected("3");
  expect(core.tick(3)).toEqual([]);
  expect(core.core.status().leaderId).toBe("3");
});
