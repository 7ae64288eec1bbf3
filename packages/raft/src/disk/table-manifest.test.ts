import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Level } from "level";
import { afterEach, expect, test } from "vitest";
import { openDatabase } from "./log-database.ts";
import { liveTables, tablesOf } from "./table-manifest.ts";

const directories: string[] = [];
afterEach(async () => {
  for (const directory of directories.splice(0)) await rm(directory, { recursive: true });
});

/** A database with so many tables that its next opening begins to compact them: each opening makes one. */
async function fullDatabase(openings: number): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "mswarm-manifest-"));
  directories.push(directory);
  for (let opening = 0; opening < openings; opening += 1) {
    const database = new Level<string, Buffer>(directory, { compression: false, valueEncoding: "buffer" });
    await database.open();
    for (let at = 0; at < 50; at += 1) await database.put(`key ${at}`, Buffer.alloc(200, opening));
    await database.close();
  }
  return directory;
}

const tablesIn = async (directory: string): Promise<readonly string[]> =>
  (await readdir(directory)).filter((name) => name.endsWith(".ldb")).sort();

test("the tables in use are those that LevelDB keeps", async () => {
  for (const openings of [1, 2, 4]) {
    const directory = await fullDatabase(openings);
    const numbers = (await tablesIn(directory)).map((name) => Number.parseInt(name, 10));
    expect([...((await liveTables(directory)) ?? [])].sort((a, b) => a - b)).toEqual(numbers);
  }
});

test("all tables in use are there, beside one that a compaction had not finished when the database was closed", async () => {
  const directory = await fullDatabase(9);
  const numbers = (await tablesIn(directory)).map((name) => Number.parseInt(name, 10));
  const live = [...((await liveTables(directory)) ?? [])];
  expect(live).not.toEqual([]);
  expect(numbers).toEqual(expect.arrayContaining(live));
});

test("a database whose damaged table would be compacted while it opens is refused before, byte by byte", async () => {
  const directory = await fullDatabase(4);
  const tables = await tablesIn(directory);
  expect(tables.length).toBeGreaterThan(2);
  for (const table of tables) {
    const path = join(directory, table);
    const sound = await readFile(path);
    // Behind that comes padding, which means nothing.
    for (let offset = 0; offset < sound.length - 48; offset += 997) {
      const damaged = Buffer.from(sound);
      damaged[offset] = (damaged[offset] ?? 0) ^ 0x10;
      await writeFile(path, damaged);
      await expect(openDatabase(directory)).rejects.toThrow(`raft log: the file ${table} of its database is damaged`);
    }
    // The index at the end of the file is what ends the process.
    const damaged = Buffer.from(sound);
    damaged[sound.length - 60] = (damaged[sound.length - 60] ?? 0) ^ 0xff;
    await writeFile(path, damaged);
    await expect(openDatabase(directory)).rejects.toThrow("is damaged");
    await writeFile(path, sound);
  }
  const database = await openDatabase(directory);
  await database.close();
});

test("a damaged file that does not belong to the database is no reason to refuse it", async () => {
  const directory = await fullDatabase(2);
  await writeFile(join(directory, "000099.ldb"), Buffer.alloc(100));
  const database = await openDatabase(directory);
  await database.close();
});

test("of a manifest that cannot be read nothing is believed", async () => {
  const directory = await fullDatabase(2);
  const name = (await readFile(join(directory, "CURRENT"), "latin1")).trim();
  const manifest = await readFile(join(directory, name));
  for (let offset = 0; offset < manifest.length; offset += 7) {
    const damaged = Buffer.from(manifest);
    damaged[offset] = (damaged[offset] ?? 0) ^ 0x20;
    const tables = tablesOf(damaged);
    // A length that points behind the end looks like a crash; LevelDB then goes on with what is before it.
    if (tables !== undefined) expect([...(tablesOf(manifest) ?? [])]).toEqual(expect.arrayContaining([...tables]));
  }
  expect(await liveTables(join(directory, "nowhere"))).toBeUndefined();
});
