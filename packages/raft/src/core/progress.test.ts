import { expect, test } from "vitest";
import { Inflights } from "./inflights.ts";
import { Progress } from "./progress.ts";

/** A follower that holds `match` entries, as a leader sees it after the first answer. */
function following(match: number, inflightMax = 2): Progress {
  const progress = new Progress(match + 1, inflightMax);
  progress.sentAppend(0, 0);
  progress.accepted(match, 1);
  return progress;
}

test("a new follower is probed with one append, even if there is nothing new", () => {
  const progress = new Progress(5, 8);
  expect(progress.wantsAppend(4, 0)).toBe(true);
  progress.sentAppend(0, 0);
  expect(progress.wantsAppend(9, 9)).toBe(false);
});

test("an accepted probe starts replication behind it", () => {
  const progress = following(4);
  expect(progress).toMatchObject({ state: "replicate", match: 4, next: 5 });
});

test("replication runs ahead of the answers", () => {
  const progress = following(4);
  progress.sentAppend(3, 0);
  expect(progress).toMatchObject({ match: 4, next: 8 });
  progress.accepted(6, 1);
  expect(progress).toMatchObject({ match: 6, next: 8 });
});

test("a full window closes, and opens with the oldest answer", () => {
  const progress = following(4);
  progress.sentAppend(1, 0);
  progress.sentAppend(1, 0);
  expect(progress.wantsAppend(99, 0)).toBe(false);
  progress.accepted(5, 1);
  expect(progress.wantsAppend(99, 0)).toBe(true);
});

test("answers that arrive out of order free what they cover", () => {
  const progress = following(4);
  progress.sentAppend(1, 0);
  progress.sentAppend(1, 0);
  progress.accepted(6, 1);
  progress.accepted(5, 1);
  expect(progress).toMatchObject({ match: 6, next: 7 });
  progress.sentAppend(1, 0);
  expect(progress.wantsAppend(99, 0)).toBe(true);
});

test("a rejection in replication goes back to what is known", () => {
  const progress = following(4);
  progress.sentAppend(3, 0);
  progress.rejected(6, 5);
  expect(progress).toMatchObject({ state: "probe", match: 4, next: 5 });
});

test("a probe steps back to the hint, at least one entry, never behind the match", () => {
  const progress = new Progress(10, 2);
  progress.sentAppend(0, 0);
  progress.rejected(9, 9);
  expect(progress.next).toBe(9);
  progress.sentAppend(0, 0);
  progress.rejected(8, 3);
  expect(progress.next).toBe(4);
  progress.sentAppend(0, 0);
  progress.rejected(8, 1);
  expect(progress.next).toBe(4);
});

test("commit indexes are sent once, and only as far as the follower has been sent entries", () => {
  const progress = following(4);
  expect(progress.wantsAppend(4, 3)).toBe(true);
  progress.sentAppend(0, 3);
  expect(progress.wantsAppend(4, 3)).toBe(false);
  expect(progress.wantsAppend(4, 4)).toBe(true);
  progress.sentAppend(0, 9);
  expect(progress.wantsAppend(4, 9)).toBe(false);
});

test("a follower that reached the leader's log on its own needs no snapshot any more", () => {
  const progress = following(4);
  progress.sentSnapshot(20);
  progress.accepted(8, 11);
  expect(progress.state).toBe("snapshot");
  progress.accepted(12, 11);
  expect(progress).toMatchObject({ state: "replicate", match: 12, next: 13 });
});

test("a window of appends is freed in order", () => {
  const window = new Inflights(3);
  for (let round = 0; round < 10; round += 1) {
    for (const step of [1, 2, 3]) window.add(round * 3 + step);
    expect(window.isFull).toBe(true);
    window.freeTo(round * 3 + 2);
    expect(window.count).toBe(1);
    window.freeTo(round * 3 + 3);
    expect(window.count).toBe(0);
  }
  for (const index of [41, 42, 43]) window.add(index);
  expect(() => window.add(44)).toThrow(/too many/);
});
