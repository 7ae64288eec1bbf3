import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadRemotes, loadSettings, saveRemotes, saveSettings } from "./settings.ts";
import { openStateDirectory } from "./state-directory.ts";

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "mswarm-state-"));
});
afterEach(async () => {
  await rm(base, { recursive: true, force: true });
});

test("two daemons cannot use one state directory, also by different spellings of its path", async () => {
  const first = await openStateDirectory(join(base, "state"));
  await expect(openStateDirectory(join(base, "x", "..", "state"))).rejects.toThrow(
    "another mswarm daemon uses the state directory",
  );
  await first.release();
  const second = await openStateDirectory(join(base, "state"));
  await second.release();
});

test("a path that cannot be a directory is refused with what to do", async () => {
  await writeFile(join(base, "file"), "");
  await expect(openStateDirectory(join(base, "file", "state"))).rejects.toThrow("choose another with --state-dir");
});

test("the directory is private, and clearing it removes what belongs to the cluster", async () => {
  const directory = await openStateDirectory(join(base, "state"));
  expect((await stat(directory.root)).mode & 0o777).toBe(0o700);
  await saveRemotes(directory.stateFile, [{ nodeId: "n", address: "127.0.0.1:2377" }]);
  await saveSettings(directory.daemonFile, { listenAddress: "a:1", advertiseAddress: "b:1", phase: "joining" });
  expect(await loadRemotes(directory.stateFile)).toEqual([{ nodeId: "n", address: "127.0.0.1:2377" }]);
  expect(await loadSettings(directory.daemonFile)).toEqual({
    listenAddress: "a:1",
    advertiseAddress: "b:1",
    phase: "joining",
  });
  await directory.clear();
  expect(await readdir(directory.root)).toEqual([]);
  expect(await loadSettings(directory.daemonFile)).toBeUndefined();
  await directory.release();
});

test("damaged settings stop the start with a sentence", async () => {
  const path = join(base, "daemon.json");
  await writeFile(path, "{");
  await expect(loadSettings(path)).rejects.toThrow("is damaged");
  await writeFile(path, "{}");
  await expect(loadSettings(path)).rejects.toThrow("addresses are missing");
});
