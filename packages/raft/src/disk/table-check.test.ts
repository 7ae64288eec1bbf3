import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Level } from "level";
import { expect, test } from "vitest";
import { findDamagedTables, isSoundTable } from "./table-check.ts";

test("tables as LevelDB writes them are sound, and with any byte of a block changed they are not", async () => {
  const directory = await mkdtemp(join(tmpdir(), "mswarm-table-"));
  const database = new Level<string, string>(directory, { compression: false });
  for (let at = 0; at < 200; at += 1) await database.put(`key ${at}`, "value ".repeat(at));
  await database.close();
  // Opening moves what was written into a table.
  const again = new Level<string, string>(directory, { compression: false });
  await again.open();
  await again.close();
  const tables = (await readdir(directory)).filter((name) => name.endsWith(".ldb"));
  expect(tables.length).toBeGreaterThan(0);
  expect(await findDamagedTables(directory)).toEqual([]);
  const table = await readFile(join(directory, tables[0] ?? ""));
  expect(isSoundTable(table)).toBe(true);
  const padding = 48;
  for (let offset = 0; offset < table.length - padding; offset += 101) {
    const damaged = Buffer.from(table);
    damaged[offset] = (damaged[offset] ?? 0) ^ 0x40;
    expect({ offset, isSound: isSoundTable(damaged) }).toEqual({ offset, isSound: false });
  }
  expect(isSoundTable(table.subarray(0, table.length - 1))).toBe(false);
  expect(isSoundTable(Buffer.alloc(0))).toBe(false);
  await rm(directory, { recursive: true });
});

test("a directory that does not exist has no damaged table", async () => {
  expect(await findDamagedTables(join(tmpdir(), "mswarm-no-such-directory"))).toEqual([]);
});
