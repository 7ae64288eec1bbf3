// One damaged byte anywhere: the log loads whole, or stops with a sentence. Never a shorter or another history.
import { cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cryptoRandom, isSwarmError } from "@mswarm/runtime";
import { SeededRandom } from "@mswarm/runtime/simulated";
import { afterAll, expect, test } from "vitest";
import { KeyRing } from "./key-ring.ts";
import { LevelLogStore } from "./level-log-store.ts";
import type { RecoveredLog } from "./log-store.ts";
import { entriesOf, snapshotAt } from "./testing/log-store-contract.ts";

const secret = Buffer.alloc(32, 7);
const random = cryptoRandom();
const root = await mkdtemp(join(tmpdir(), "mswarm-damage-"));

afterAll(() => rm(root, { recursive: true, force: true }));

const openAt = (directory: string) => LevelLogStore.open({ directory, keys: new KeyRing(secret), random });

/** A log with a vote in each of its terms, a snapshot, and entries behind it. */
async function exampleLog(name: string, inTables: boolean): Promise<{ directory: string; whole: RecoveredLog }> {
  const directory = join(root, name);
  const store = await openAt(directory);
  await store.load();
  await store.saveIdentity({ self: { raftId: "5", nodeId: "n", address: "a" }, members: [] });
  for (let at = 1; at <= 30; at += 1) {
    const hardState = { term: Math.ceil(at / 10), vote: "5", commit: at - 1 };
    await store.append({ hardState, entries: entriesOf(hardState.term, at, at) });
    if (at === 12) await store.saveSnapshot(snapshotAt(11, 2));
    if (at === 20) await store.compact(8);
  }
  if (inTables) await store.rekey();
  await store.close();
  // Opening moves the write-ahead file into tables, so a copy is opened.
  const opened = `${directory}-opened`;
  await cp(directory, opened, { recursive: true });
  const again = await openAt(opened);
  const whole = await again.load();
  await again.close();
  return { directory, whole };
}

/** Loads a damaged copy: undefined when it stopped with a sentence for the operator. */
async function loadDamaged(directory: string): Promise<RecoveredLog | undefined> {
  let store: LevelLogStore | undefined;
  try {
    store = await openAt(directory);
    return await store.load();
  } catch (error) {
    expect(isSwarmError(error), String(error)).toBe(true);
    expect(String(error)).toMatch(/^SwarmError: raft log: .+|no data key for a record/s);
    return undefined;
  } finally {
    await store?.close();
  }
}

async function filesOf(directory: string): Promise<string[]> {
  const files = await readdir(directory, { recursive: true, withFileTypes: true });
  const data = files.filter((file) => file.isFile() && !/^(LOG|LOG\.old|LOCK)$/.test(file.name));
  return data.map((file) => join(file.parentPath, file.name).slice(directory.length + 1));
}

for (const inTables of [false, true]) {
  const where = inTables ? "tables" : "the write-ahead file";
  test(`a flipped byte in ${where} never changes what is loaded`, { timeout: 600_000 }, async () => {
    const { directory, whole } = await exampleLog(`flip-${inTables}`, inTables);
    const seeded = new SeededRandom(11);
    const rounds = Number(process.env["MSWARM_DAMAGE_ROUNDS"] ?? 60);
    let stopped = 0;
    const files = await filesOf(directory);
    for (let round = 0; round < rounds; round += 1) {
      const copy = join(root, `copy-${inTables}-${round}`);
      await cp(directory, copy, { recursive: true });
      const path = join(copy, files[round % files.length] ?? "");
      const bytes = await readFile(path);
      if (bytes.length === 0) continue;
      const offset = seeded.below(bytes.length);
      bytes[offset] = (bytes[offset] ?? 0) ^ (1 << seeded.below(8));
      await writeFile(path, bytes);
      const loaded = await loadDamaged(copy);
      if (loaded === undefined) stopped += 1;
      else expect({ path, offset, loaded }).toEqual({ path, offset, loaded: whole });
      await rm(copy, { recursive: true });
    }
    expect(stopped).toBeGreaterThan(rounds / 4);
  });
}

test("a log whose end is cut off does not start, wherever it is cut", { timeout: 60_000 }, async () => {
  const { directory, whole } = await exampleLog("cut", false);
  const wal = (await filesOf(directory)).filter((file) => file.endsWith(".log"));
  expect(wal.length).toBe(1);
  const path = wal[0] ?? "";
  const length = (await readFile(join(directory, path))).length;
  for (let left = length - 1; left >= 0; left -= Math.ceil(length / 40)) {
    const copy = join(root, `cut-${left}`);
    await cp(directory, copy, { recursive: true });
    await truncate(join(copy, path), left);
    expect(await loadDamaged(copy)).toBeUndefined();
    await rm(copy, { recursive: true });
  }
  expect(whole.entries.at(-1)?.index).toBe(30);
});

test("a lost end is noticed by the repeated hard state alone when the mark of the end is lost too", async () => {
  const { directory } = await exampleLog("vote", false);
  const wal = (await filesOf(directory)).find((file) => file.endsWith(".log")) ?? "";
  const length = (await readFile(join(directory, wal))).length;
  await truncate(join(directory, wal), Math.floor(length / 2));
  await rm(join(directory, "tail"));
  await expect(openAt(directory).then((store) => store.load().finally(() => store.close()))).rejects.toThrow(
    /its end is lost \(entries from index \d+ on may be affected\)\. Do not start this manager/,
  );
});

test("a member whose database was deleted does not begin anew under its old id", async () => {
  const { directory } = await exampleLog("gone", false);
  await rm(join(directory, "log"), { recursive: true });
  await expect(openAt(directory).then((store) => store.load().finally(() => store.close()))).rejects.toThrow(
    /the database is empty, although this member had a log/,
  );
});

test("a record cannot be moved to the place of another", async () => {
  const { directory } = await exampleLog("moved", false);
  const { openDatabase, keys } = await import("./log-database.ts");
  const database = await openDatabase(join(directory, "log"));
  const other = await database.get(keys.batch(20));
  await database.put(keys.batch(21), other, { sync: true });
  await database.close();
  await expect(openAt(directory).then((store) => store.load().finally(() => store.close()))).rejects.toThrow(
    /batch 21 is damaged/,
  );
});
