import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { temporaryOf } from "@mswarm/pki";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadRemotes, loadSettings, saveRemotes, saveSettings } from "./settings.ts";
import { complaintAbout, openStateDirectory } from "./state-directory.ts";

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
  await saveSettings(directory.daemonFile, {
    listenAddress: "a:1",
    advertiseAddress: "b:1",
    advertise: "eth0",
    phase: "joining",
  });
  expect(await loadRemotes(directory.stateFile)).toEqual([{ nodeId: "n", address: "127.0.0.1:2377" }]);
  expect(await loadSettings(directory.daemonFile)).toEqual({
    listenAddress: "a:1",
    advertiseAddress: "b:1",
    advertise: "eth0",
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
  await writeFile(path, "null");
  await expect(loadSettings(path)).rejects.toThrow("addresses are missing");
  await writeFile(path, JSON.stringify({ listenAddress: "a:1", advertiseAddress: "a:1", phase: "of the moon" }));
  await expect(loadSettings(path)).rejects.toThrow("no known phase");
});

test("damaged known managers stop the start, odd entries among them are passed over", async () => {
  const path = join(base, "state.json");
  await writeFile(path, "{}");
  await expect(loadRemotes(path)).rejects.toThrow("a list was expected");
  await writeFile(path, JSON.stringify([null, 1, { addr: "" }, { node_id: "n", addr: "10.0.0.1:2377" }]));
  expect(await loadRemotes(path)).toEqual([{ nodeId: "n", address: "10.0.0.1:2377" }]);
});

test("a clearing that a crash interrupted is finished at the next start", async () => {
  const root = join(base, "state");
  for (const folder of ["certificates", "raft", "worker"]) await mkdir(join(root, folder), { recursive: true });
  await writeFile(join(root, "raft", "entry"), "x");
  await writeFile(join(root, "daemon.json"), "{}");
  // What `clear` writes first.
  await writeFile(join(root, "leaving"), "");
  const directory = await openStateDirectory(root);
  expect(directory.wasCleared).toBe(true);
  expect(await readdir(root)).toEqual([]);
  await directory.release();
  const again = await openStateDirectory(root);
  expect(again.wasCleared).toBe(false);
  await again.release();
});

test("half-written files of a crash do not outlive a clearing", async () => {
  const directory = await openStateDirectory(join(base, "state"));
  await writeFile(temporaryOf(directory.daemonFile), "{");
  await writeFile(temporaryOf(directory.stateFile), "[");
  await directory.clear();
  expect(await readdir(directory.root)).toEqual([]);
  await directory.release();
});

test("a directory that holds something else is neither taken nor made private", async () => {
  const root = join(base, "home");
  await mkdir(join(root, "letters"), { recursive: true, mode: 0o755 });
  await expect(openStateDirectory(root)).rejects.toThrow("is no state directory: it holds letters");
  expect((await stat(root)).mode & 0o777).toBe(0o755);
});

test.each<[readonly string[], string | undefined]>([
  [[], undefined],
  [["lost+found"], undefined],
  [["daemon.log", "lab"], undefined],
  [["certificates", "raft", "worker", "state.json", "daemon.json", "notes.txt"], undefined],
  [["daemon.json"], undefined],
  [["bin", "etc", "home", "usr"], "is no state directory: it holds bin, etc, home"],
  [
    ["certificates", "raft", "docker-state.json"],
    "is the swarm state of a Docker Engine, which mswarm does not take over",
  ],
])("a directory with %j is judged", (entries, complaint) => {
  expect(complaintAbout(entries)).toBe(complaint);
});
