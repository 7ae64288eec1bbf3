import fc from "fast-check";
import { expect, test } from "vitest";
import { entryOf } from "../testing/driven-core.ts";
import { RaftLog } from "./log.ts";
import type { Snapshot } from "./messages.ts";

const snapshotAt = (index: number, term: number): Snapshot => ({
  meta: { index, term, voters: ["1"] },
  data: Buffer.alloc(0),
});

function logOf(terms: readonly number[], snapshot?: Snapshot, from = 1): RaftLog {
  const entries = terms.map((term, position) => entryOf(from + position, term));
  return new RaftLog({ hardState: undefined, snapshot, entries });
}

const termsOf = (log: RaftLog): (number | undefined)[] =>
  Array.from({ length: log.lastIndex }, (_, position) => log.termAt(position + 1));

/** Terms of a log: they never go down. */
const terms = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 12 }).map((list) => list.sort((a, b) => a - b));

test("after an append that fits, the log holds exactly what the leader sent, and more only where it agreed", () => {
  fc.assert(
    fc.property(terms, terms, fc.nat(12), fc.nat(12), (own, leaders, start, count) => {
      const log = logOf(own);
      const sent = leaders.map((term, position) => entryOf(position + 1, term)).slice(start, start + count);
      const previous = { index: start, term: leaders[start - 1] ?? 0 };
      fc.pre(start <= leaders.length);
      const fits = start === 0 || own[start - 1] === previous.term;
      const agreed = log.appendAfter(previous, sent);
      expect(agreed).toBe(fits ? start + sent.length : undefined);
      if (!fits) expect(termsOf(log)).toEqual(own);
      else {
        const differs = sent.some((entry) => own[entry.index - 1] !== entry.term);
        const rest = differs ? [] : own.slice(start + sent.length);
        expect(termsOf(log)).toEqual([...own.slice(0, start), ...sent.map(({ term }) => term), ...rest]);
      }
    }),
  );
});

test("the latest place not above a term is found as by looking at each", () => {
  fc.assert(
    fc.property(terms, fc.nat(14), fc.nat(5), (own, index, term) => {
      const log = logOf(own);
      const places = [0, ...own].map((at, position) => ({ index: position, term: at }));
      const expected = places.filter((place) => place.index <= index && place.term <= term).at(-1);
      expect(log.latestNotAbove(index, term)).toEqual(expected);
    }),
  );
});

test("the latest place not above a term, where the log is compacted, lies before it and has no term", () => {
  const log = logOf([5, 5], snapshotAt(7, 5), 8);
  expect(log.latestNotAbove(9, 3)).toEqual({ index: 6, term: 0 });
});

test("a slice ends at the limit, but has at least one entry", () => {
  const log = logOf([1, 1, 1, 1]);
  expect(log.slice(2, 4, 1).map(({ index }) => index)).toEqual([2]);
  expect(log.slice(2, 4, 1_000).map(({ index }) => index)).toEqual([2, 3, 4]);
  expect(log.slice(2, 3, 1_000).map(({ index }) => index)).toEqual([2, 3]);
});

test("committed entries are never replaced", () => {
  const log = logOf([1, 1, 1]);
  log.commitTo(2);
  expect(() => log.appendAfter({ index: 1, term: 1 }, [entryOf(2, 2)])).toThrow(/committed entry/);
  expect(() => log.commitTo(9)).toThrow(/beyond the end/);
});

test("appends and compaction keep the places of entries", () => {
  const log = logOf([1, 1, 2, 2, 3]);
  log.commitTo(5);
  log.appliedTo(5);
  log.keepSnapshot(snapshotAt(4, 2));
  log.compact(3);
  expect(log.append(3, "normal", undefined)).toBe(6);
  expect(log).toMatchObject({ firstIndex: 4, lastIndex: 6, lastTerm: 3 });
  expect(log.slice(4, 6, 1_000).map(({ index }) => index)).toEqual([4, 5, 6]);
  log.compact(2);
  expect(log.firstIndex).toBe(4);
});

test("a log with a gap does not load", () => {
  const entries = [entryOf(1, 1), entryOf(3, 1)];
  expect(() => new RaftLog({ hardState: undefined, snapshot: undefined, entries })).toThrow(/gap before index 3/);
  expect(() => logOf([1, 1], snapshotAt(3, 1), 6)).toThrow(/begins at index 6/);
  expect(() => logOf([1, 1], undefined, 2)).toThrow(/begins at index 2/);
});

test("entries from before a snapshot that do not lead up to it are dropped", () => {
  const log = logOf([1, 1, 1, 1], snapshotAt(3, 2));
  expect(log).toMatchObject({ firstIndex: 4, lastIndex: 3, lastTerm: 2 });
});

test("appending takes the same time at the end of a long log", () => {
  const log = logOf([]);
  for (let count = 0; count < 200_000; count += 1) log.append(1, "normal", undefined);
  expect(log.lastIndex).toBe(200_000);
});
