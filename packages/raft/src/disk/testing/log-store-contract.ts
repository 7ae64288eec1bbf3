// What every LogStore must do; run by the tests of each.
import { InvariantViolation } from "@mswarm/runtime";
import { expect, test } from "vitest";
import type { Entry, Snapshot } from "../../core/messages.ts";
import type { LogStore } from "../log-store.ts";

/** Entries of `term` from `first` to `last`, each with its own data. */
export function entriesOf(term: number, first: number, last: number): Entry[] {
  return Array.from({ length: last - first + 1 }, (_, offset) => {
    const index = first + offset;
    return { term, index, type: "normal", data: Buffer.from(`entry ${index} of term ${term}`) };
  });
}

export function snapshotAt(index: number, term: number, data: Buffer = Buffer.from(`snapshot ${index}`)): Snapshot {
  return { meta: { index, term, voters: ["1", "18446744073709551615"] }, data };
}

/** @param make  a place for a new log; each call of the result opens the same log again */
export function logStoreContract(make: () => Promise<() => Promise<LogStore>>): void {
  /** Opens, loads and closes. */
  const stored = async (reopen: () => Promise<LogStore>) => {
    const store = await reopen();
    const log = await store.load();
    await store.close();
    return log;
  };

  test("an empty log has nothing", async () => {
    const reopen = await make();
    for (let round = 0; round < 2; round += 1) {
      const log = await stored(reopen);
      expect(log).toEqual({ identity: undefined, hardState: undefined, snapshot: undefined, entries: [] });
    }
  });

  test("identity, hard state and entries are found again, and an absent data stays absent", async () => {
    const reopen = await make();
    const store = await reopen();
    await store.load();
    const identity = {
      self: { raftId: "9223372036854775809", nodeId: "node", address: "10.0.0.1:2377" },
      members: [{ raftId: "7", nodeId: "other", address: "manager.example:2377" }],
    };
    await store.saveIdentity(identity);
    const entries: Entry[] = [
      { term: 1, index: 1, type: "conf-change", data: Buffer.from("change") },
      { term: 2, index: 2, type: "normal", data: undefined },
      { term: 2, index: 3, type: "normal", data: Buffer.alloc(0) },
    ];
    const hardState = { term: 2, vote: "9223372036854775809", commit: 1 };
    await store.append({ hardState, entries });
    await store.close();
    expect(await stored(reopen)).toEqual({ identity, hardState, snapshot: undefined, entries });
  });

  test("entries of a new leader replace those they conflict with, and everything behind them", async () => {
    const reopen = await make();
    const store = await reopen();
    await store.load();
    await store.append({ hardState: { term: 1, vote: "1", commit: 0 }, entries: entriesOf(1, 1, 10) });
    await store.append({ hardState: { term: 2, vote: "0", commit: 3 }, entries: entriesOf(2, 5, 6) });
    await store.append({ entries: entriesOf(2, 7, 7) });
    await store.close();
    const log = await stored(reopen);
    expect(log.entries).toEqual([...entriesOf(1, 1, 4), ...entriesOf(2, 5, 7)]);
    expect(log.hardState).toEqual({ term: 2, vote: "0", commit: 3 });
  });

  test("appends made without waiting are stored in their order", async () => {
    const reopen = await make();
    const store = await reopen();
    await store.load();
    await Promise.all(Array.from({ length: 20 }, (_, at) => store.append({ entries: entriesOf(1, at + 1, at + 1) })));
    await store.close();
    expect((await stored(reopen)).entries).toEqual(entriesOf(1, 1, 20));
  });

  test("an own snapshot keeps the entries until they are compacted", async () => {
    const reopen = await make();
    const store = await reopen();
    await store.load();
    for (let at = 1; at <= 20; at += 1) await store.append({ entries: entriesOf(1, at, at) });
    await store.saveSnapshot(snapshotAt(15, 1));
    await store.append({ hardState: { term: 1, vote: "1", commit: 20 }, entries: entriesOf(1, 21, 21) });
    await store.compact(10);
    expect(await store.readSnapshot()).toEqual(snapshotAt(15, 1));
    await store.close();
    const log = await stored(reopen);
    expect(log.snapshot).toEqual(snapshotAt(15, 1));
    expect(log.entries).toEqual(entriesOf(1, 11, 21));
  });

  test("a big snapshot replaces the one before", async () => {
    const reopen = await make();
    const store = await reopen();
    await store.load();
    await store.append({ entries: entriesOf(1, 1, 9) });
    await store.saveSnapshot(snapshotAt(4, 1));
    const big = snapshotAt(8, 1, Buffer.alloc(3_500_000, "payload"));
    await store.saveSnapshot(big);
    await store.compact(8);
    await store.close();
    const log = await stored(reopen);
    expect(log.snapshot?.data.equals(big.data)).toBe(true);
    expect(log.snapshot?.meta).toEqual(big.meta);
    expect(log.entries).toEqual(entriesOf(1, 9, 9));
  });

  test("a snapshot of the leader replaces the whole log, and the log goes on behind it", async () => {
    const reopen = await make();
    const store = await reopen();
    await store.load();
    await store.append({ hardState: { term: 1, vote: "1", commit: 2 }, entries: entriesOf(1, 1, 120) });
    await store.append({
      hardState: { term: 3, vote: "0", commit: 100 },
      entries: [],
      snapshot: snapshotAt(100, 2),
    });
    await store.append({ entries: entriesOf(3, 101, 102) });
    await store.compact(100);
    await store.close();
    const log = await stored(reopen);
    expect(log.snapshot).toEqual(snapshotAt(100, 2));
    expect(log.entries).toEqual(entriesOf(3, 101, 102));
    expect(log.hardState).toEqual({ term: 3, vote: "0", commit: 100 });
  });

  test("an own snapshot that the leader's has overtaken is dropped", async () => {
    const reopen = await make();
    const store = await reopen();
    await store.load();
    await store.append({ entries: entriesOf(1, 1, 10) });
    const own = store.saveSnapshot(snapshotAt(8, 1, Buffer.alloc(5_000_000, "own")));
    await store.append({ entries: [], snapshot: snapshotAt(100, 2) });
    await own;
    await store.append({ entries: entriesOf(2, 101, 101) });
    await store.close();
    const log = await stored(reopen);
    expect(log.snapshot).toEqual(snapshotAt(100, 2));
    expect(log.entries).toEqual(entriesOf(2, 101, 101));
  });

  test("a rewritten log is compacted without the replaced entries coming back", async () => {
    const reopen = await make();
    const store = await reopen();
    await store.load();
    await store.append({ entries: entriesOf(1, 1, 10) });
    await store.append({ entries: entriesOf(2, 8, 8) });
    await store.append({ entries: entriesOf(2, 9, 9) });
    await store.saveSnapshot(snapshotAt(9, 2));
    await store.compact(9);
    await store.append({ entries: entriesOf(2, 10, 10) });
    await store.close();
    expect((await stored(reopen)).entries).toEqual(entriesOf(2, 10, 10));
  });

  test("what no snapshot covers cannot be compacted", async () => {
    const store = await (await make())();
    await store.load();
    await store.append({ entries: entriesOf(1, 1, 3) });
    await expect(store.compact(2)).rejects.toThrow(InvariantViolation);
    await store.append({ entries: entriesOf(1, 4, 4) });
    await store.close();
  });
}
