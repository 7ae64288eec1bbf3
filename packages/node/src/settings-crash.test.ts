// DESIGN 7, rule 9 for state.json and daemon.json: the plug is pulled at every step of writing them.
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FileSystem, nodeFileSystem } from "@mswarm/pki";
import { unavailable } from "@mswarm/runtime";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadRemotes, loadSettings, type NodeSettings, saveRemotes, saveSettings } from "./settings.ts";
import { openStateDirectory } from "./state-directory.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "mswarm-settings-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** The real disk until the n-th step, which leaves half of what it was to write; nothing is written after it. */
function failingDisk(failing: number): { readonly files: FileSystem; hasFailed(): boolean } {
  const disk = nodeFileSystem();
  let step = 0;
  const guarded =
    <A extends readonly unknown[]>(work: (...args: A) => Promise<void>, tear?: (...args: A) => Promise<void>) =>
    async (...args: A): Promise<void> => {
      step += 1;
      if (step < failing) return await work(...args);
      if (step === failing) await tear?.(...args);
      throw unavailable("the plug was pulled");
    };
  return {
    hasFailed: () => step >= failing,
    files: {
      ...disk,
      writeSynced: guarded(disk.writeSynced, (path, data) => writeFile(path, data.slice(0, data.length / 2))),
      rename: guarded(disk.rename),
      syncDirectory: guarded(disk.syncDirectory),
      remove: guarded(disk.remove),
    },
  };
}

const settings = (phase: NodeSettings["phase"]): NodeSettings => {
  const address = "10.0.0.1:2377";
  return { listenAddress: address, advertiseAddress: address, advertise: "eth0", phase };
};
const remotes = (node: string) => [{ nodeId: node, address: `10.0.0.${node.length}:2377` }];

interface Case<T> {
  readonly before: T;
  readonly after: T;
  save(path: string, value: T, files?: FileSystem): Promise<void>;
  load(path: string): Promise<unknown>;
  /** What a file that was never written is. */
  readonly nothing: unknown;
}

async function survives<T>(file: string, { before, after, save, load, nothing }: Case<T>): Promise<void> {
  const path = join(root, file);
  for (const first of [true, false]) {
    const seen = new Set<string>();
    for (let step = 1; ; step += 1) {
      await rm(path, { force: true });
      if (!first) await save(path, before);
      const { files, hasFailed } = failingDisk(step);
      await save(path, after, files).catch(() => undefined);
      // The next start takes the directory, finds the old content or the new one, and can write again.
      const directory = await openStateDirectory(root);
      const found = await load(path);
      expect([first ? nothing : before, after]).toContainEqual(found);
      seen.add(JSON.stringify(found) ?? "");
      await save(path, after);
      expect(await load(path)).toEqual(after);
      await directory.release();
      if (!hasFailed()) break;
    }
    expect(seen.size, "the steps before and after the change were both tried").toBe(2);
  }
}

test("a crash while daemon.json is written leaves the old addresses and phase, or the new ones", async () => {
  await survives("daemon.json", {
    before: settings("joining"),
    after: settings("member"),
    save: saveSettings,
    load: loadSettings,
    nothing: undefined,
  });
});

test("a crash while state.json is written leaves the managers known before, or those known now", async () => {
  const [before, after] = [remotes("one"), remotes("three")];
  await survives("state.json", { before, after, save: saveRemotes, load: loadRemotes, nothing: [] });
});

test("what a crash left is deleted with the rest when the node leaves", async () => {
  const { files } = failingDisk(1);
  await saveSettings(join(root, "daemon.json"), settings("member"), files).catch(() => undefined);
  await saveRemotes(join(root, "state.json"), remotes("one"), failingDisk(1).files).catch(() => undefined);
  const directory = await openStateDirectory(root);
  await directory.clear();
  await directory.release();
  expect(await readdir(root)).toEqual([]);
});
