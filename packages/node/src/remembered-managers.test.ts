import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "@mswarm/runtime";
import type { WeightedPeer } from "@mswarm/wire";
import { Remotes } from "@mswarm/worker";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RememberedManagers } from "./remembered-managers.ts";
import { loadRemotes } from "./settings.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mswarm-known-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const peer = (number: number): WeightedPeer => ({
  peer: { nodeId: `n${number}`, addr: `10.0.0.${number}:2377` },
  weight: "10",
});

test("messages that arrive at once are saved one after another, and the last one stays", async () => {
  const file = join(folder, "state.json");
  const known = new RememberedManagers(new Remotes(), file, silentLogger());
  await Promise.all(Array.from({ length: 20 }, (_unused, number) => known.follow([peer(1), peer(number + 2)])));
  expect(await loadRemotes(file)).toEqual([
    { nodeId: "n1", address: "10.0.0.1:2377" },
    { nodeId: "n21", address: "10.0.0.21:2377" },
  ]);
  expect(await readdir(folder)).toEqual(["state.json"]);
});

test("what is on disk already is not written again", async () => {
  const file = join(folder, "state.json");
  const known = new RememberedManagers(new Remotes([{ nodeId: "n1", address: "10.0.0.1:2377" }]), file, silentLogger());
  await known.follow([peer(1)]);
  expect(await readdir(folder)).toEqual([]);
});

test("a disk that fails is reported, and the managers are known all the same", async () => {
  const complaints: string[] = [];
  const log = { ...silentLogger(), warn: (_fields: object, message: string) => void complaints.push(message) };
  const known = new RememberedManagers(new Remotes(), join(folder, "missing", "state.json"), log);
  await known.follow([peer(1)]);
  expect(known.remotes.peers).toHaveLength(1);
  expect(complaints).toEqual(["the known managers could not be saved"]);
});
