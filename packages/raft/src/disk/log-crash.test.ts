// Crashes between and within writes: what was acknowledged is there, what was not may be missing, and the log goes on.
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cryptoRandom } from "@mswarm/runtime";
import { afterAll, expect, test } from "vitest";
import { KeyRing } from "./key-ring.ts";
import { LevelLogStore } from "./level-log-store.ts";
import { keys, openDatabase } from "./log-database.ts";
import { entriesOf, snapshotAt } from "./testing/log-store-contract.ts";

const secret = Buffer.alloc(32, 9);
const random = cryptoRandom();
const root = await mkdtemp(join(tmpdir(), "mswarm-crash-"));

afterAll(() => rm(root, { recursive: true, force: true }));

const openAt = (directory: string) => LevelLogStore.open({ directory, keys: new KeyRing(secret), random });

async function loaded(directory: string) {
  const store = await openAt(directory);
  const log = await store.load();
  await store.close();
  return log;
}

/** The raft directory before and after one append, as two copies of a running store's files. */
async function aroundAppend(name: string, hardState: { term: number; vote: string; commit: number }) {
  const directory = join(root, name);
  const [before, after] = [`${directory}-before`, `${directory}-after`];
  const store = await openAt(directory);
  await store.load();
  await store.append({ hardState: { term: 1, vote: "1", commit: 0 }, entries: entriesOf(1, 1, 5) });
  await cp(directory, before, { recursive: true });
  await store.append({ hardState, entries: entriesOf(hardState.term, 6, 6) });
  await cp(directory, after, { recursive: true });
  await store.close();
  return { before, after };
}

const writeAheadFile = async (directory: string): Promise<string> =>
  join(directory, "log", (await readdir(join(directory, "log"))).find((name) => name.endsWith(".log")) ?? "");

test("a write that a crash cut short is forgotten, wherever it was cut, and the log goes on", {
  timeout: 60_000,
}, async () => {
  const { before, after } = await aroundAppend("torn", { term: 1, vote: "1", commit: 5 });
  const [short, long] = [await readFile(await writeAheadFile(before)), await readFile(await writeAheadFile(after))];
  expect(long.subarray(0, short.length).equals(short)).toBe(true);
  for (let length = short.length; length < long.length; length += 23) {
    const copy = join(root, `torn-${length}`);
    await cp(before, copy, { recursive: true });
    await writeFile(await writeAheadFile(copy), long.subarray(0, length));
    const store = await openAt(copy);
    expect((await store.load()).entries).toEqual(entriesOf(1, 1, 5));
    await store.append({ entries: entriesOf(2, 6, 7) });
    await store.close();
    expect((await loaded(copy)).entries).toEqual([...entriesOf(1, 1, 5), ...entriesOf(2, 6, 7)]);
    await rm(copy, { recursive: true });
  }
});

test("a crash after a vote reached the log and before it was repeated keeps the vote", async () => {
  const { before, after } = await aroundAppend("vote", { term: 2, vote: "3", commit: 5 });
  for (const file of ["hard-state", "tail"]) await cp(join(before, file), join(after, file));
  // Twice: the first start repeats the vote.
  for (let start = 0; start < 2; start += 1) {
    expect((await loaded(after)).hardState).toEqual({ term: 2, vote: "3", commit: 5 });
  }
  await cp(join(before, "log"), join(root, "older"), { recursive: true });
  await rm(join(after, "log"), { recursive: true });
  await cp(join(root, "older"), join(after, "log"), { recursive: true });
  await expect(loaded(after)).rejects.toThrow(/its end is lost/);
});

test("a crash in the middle of making the log leaves an empty one", async () => {
  const directory = join(root, "new");
  await loaded(directory);
  await rm(join(directory, "hard-state"));
  await rm(join(directory, "tail"));
  expect((await loaded(directory)).hardState).toBeUndefined();
});

test("a table that a crash left half written does not matter", async () => {
  const directory = join(root, "half");
  const store = await openAt(directory);
  await store.load();
  await store.append({ entries: entriesOf(1, 1, 5) });
  await store.rekey();
  await store.close();
  const tables = (await readdir(join(directory, "log"))).filter((name) => name.endsWith(".ldb"));
  const table = await readFile(join(directory, "log", tables[0] ?? ""));
  for (const [name, length] of [
    ["000099.ldb", table.length - 20],
    ["000100.ldb", 0],
  ] as const) {
    await writeFile(join(directory, "log", name), table.subarray(0, length));
  }
  expect((await loaded(directory)).entries).toEqual(entriesOf(1, 1, 5));
});

test("chunks of a snapshot that was not finished are removed at the next start", async () => {
  const directory = join(root, "chunks");
  const store = await openAt(directory);
  await store.load();
  await store.append({ hardState: { term: 1, vote: "1", commit: 0 }, entries: entriesOf(1, 1, 5) });
  await store.saveSnapshot(snapshotAt(3, 1));
  await store.close();
  const database = await openDatabase(join(directory, "log"));
  await database.put(keys.chunk(2, 0), Buffer.from("rest"), { sync: true });
  await database.close();
  expect((await loaded(directory)).snapshot).toEqual(snapshotAt(3, 1));
  const again = await openDatabase(join(directory, "log"));
  expect(await again.get(keys.chunk(2, 0))).toBeUndefined();
  await again.close();
});

test("a compaction that a crash cut short is finished at the next start", async () => {
  const directory = join(root, "compaction");
  const store = await openAt(directory);
  await store.load();
  for (let at = 1; at <= 10; at += 1) await store.append({ entries: entriesOf(1, at, at) });
  await store.saveSnapshot(snapshotAt(8, 1));
  await store.close();
  const database = await openDatabase(join(directory, "log"));
  const old = await database.get(keys.batch(2));
  await database.close();
  const compacting = await openAt(directory);
  await compacting.load();
  await compacting.compact(6);
  await compacting.close();
  const again = await openDatabase(join(directory, "log"));
  expect(await again.get(keys.batch(2))).toBeUndefined();
  await again.put(keys.batch(2), old, { sync: true });
  await again.close();
  expect((await loaded(directory)).entries).toEqual(entriesOf(1, 7, 10));
});
