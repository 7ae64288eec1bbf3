import fc from "fast-check";
import { expect, test } from "vitest";
import { changedVoters, compareIds } from "./membership.ts";
import { majorityIndex, quorumOf, voteResult } from "./quorum.ts";

test("a majority is more than half", () => {
  expect([1, 2, 3, 4, 5, 6, 7].map(quorumOf)).toEqual([1, 2, 2, 3, 3, 4, 4]);
});

test("the majority index is the highest that a majority has reached", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 7 }), (indexes) => {
      const reached = (index: number): number => indexes.filter((one) => one >= index).length;
      const expected = Math.max(
        ...Array.from({ length: 21 }, (_, index) => index).filter((i) => reached(i) >= quorumOf(indexes.length)),
      );
      expect(majorityIndex(indexes)).toBe(expected);
    }),
  );
});

test("an election is pending exactly while either end is possible", () => {
  const vote = fc.constantFrom(true, false, undefined);
  fc.assert(
    fc.property(fc.array(vote, { minLength: 1, maxLength: 7 }), (votes) => {
      const voters = votes.map((_, position) => String(position + 1));
      const cast = new Map(
        votes.flatMap((one, position) => (one === undefined ? [] : [[String(position + 1), one] as const])),
      );
      const granted = votes.filter((one) => one === true).length;
      const open = votes.filter((one) => one === undefined).length;
      const needed = quorumOf(voters.length);
      const expected = granted >= needed ? "won" : granted + open >= needed ? "pending" : "lost";
      expect(voteResult(voters, cast)).toBe(expected);
    }),
  );
});

test("votes of strangers do not count, and without voters nobody wins", () => {
  expect(
    voteResult(
      ["1", "2", "3"],
      new Map([
        ["8", true],
        ["9", true],
      ]),
    ),
  ).toBe("pending");
  expect(voteResult([], new Map([["1", true]]))).not.toBe("won");
});

test("raft ids are ordered as numbers, also beyond 2^53", () => {
  const ids = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n });
  fc.assert(
    fc.property(ids, ids, (a, b) => {
      expect(Math.sign(compareIds(String(a), String(b)))).toBe(a < b ? -1 : a > b ? 1 : 0);
    }),
  );
});

test("any change leaves voters whose majorities overlap with those before", () => {
  const id = fc.integer({ min: 1, max: 8 }).map(String);
  const change = fc.record({
    id: fc.constant("1"),
    type: fc.constantFrom("add" as const, "remove" as const, "update" as const),
    raftId: id,
    context: fc.constant(undefined),
  });
  fc.assert(
    fc.property(fc.uniqueArray(id, { minLength: 1, maxLength: 7 }), change, (voters, one) => {
      const after = changedVoters(voters, one);
      expect(after.length).toBeGreaterThan(0);
      expect(quorumOf(voters.length) + quorumOf(after.length)).toBeGreaterThan(new Set([...voters, ...after]).size);
      expect(changedVoters(after, one)).toEqual(after);
    }),
  );
});

test("the last voter stays", () => {
  expect(changedVoters(["1"], { id: "1", type: "remove", raftId: "1", context: undefined })).toEqual(["1"]);
});
