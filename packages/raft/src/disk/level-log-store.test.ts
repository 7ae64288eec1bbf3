import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cryptoRandom } from "@mswarm/runtime";
import { afterAll, describe, expect, test } from "vitest";
import { KeyRing } from "./key-ring.ts";
import { LevelLogStore } from "./level-log-store.ts";
import { entriesOf, logStoreContract, snapshotAt } from "./testing/log-store-contract.ts";

const random = cryptoRandom();
const places: string[] = [];

async function newPlace(): Promise<string> {
  const place = await mkdtemp(join(tmpdir(), "mswarm-raft-"));
  places.push(place);
  return place;
}

afterAll(async () => {
  for (const place of places) await rm(place, { recursive: true, force: true });
});

/** Every byte of every file below `directory`. */
async function everything(directory: string): Promise<Buffer> {
  const files = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
  return Buffer.concat(await Promise.all(paths.map((path) => readFile(path))));
}

describe("LevelLogStore", () => {
  logStoreContract(async () => {
    const directory = await newPlace();
    const keys = new KeyRing(random.bytes(32));
    return () => LevelLogStore.open({ directory, keys, random });
  });

  test("nothing that was stored can be read on the disk", async () => {
    const directory = join(await newPlace(), "raft");
    const store = await LevelLogStore.open({ directory, keys: new KeyRing(random.bytes(32)), random });
    await store.load();
    await store.saveIdentity({ self: { raftId: "5", nodeId: "plain-node-id", address: "plain-address" }, members: [] });
    await store.append({ entries: entriesOf(1, 1, 3) });
    await store.saveSnapshot(snapshotAt(2, 1));
    await store.close();
    const bytes = await everything(directory);
    for (const text of ["entry 1 of term 1", "snapshot 2", "plain-node-id", "plain-address"]) {
      expect(bytes.includes(text)).toBe(false);
    }
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect((await stat(join(directory, "hard-state"))).mode & 0o777).toBe(0o600);
  });

  test("files that a killed process has left beside the log do not keep it from opening", async () => {
    const directory = await newPlace();
    const keys = new KeyRing(random.bytes(32));
    await (await LevelLogStore.open({ directory, keys, random })).close();
    const left = Array.from({ length: 300 }, (_, at) => join(directory, "log", `${900_000 + at}.ldb`));
    for (const file of left) await writeFile(file, random.bytes(64));
    const store = await LevelLogStore.open({ directory, keys, random });
    await store.load();
    await store.close();
  });

  test("a log that could not be opened can be opened once the reason is gone", async () => {
    const directory = await newPlace();
    const keys = new KeyRing(random.bytes(32));
    const obstacle = join(directory, "tail");
    await mkdir(obstacle);
    await expect(LevelLogStore.open({ directory, keys, random })).rejects.toThrow(/opening .* failed: EISDIR/);
    await rm(obstacle, { recursive: true });
    const store = await LevelLogStore.open({ directory, keys, random });
    await store.load();
    await store.close();
  });

  test("a log that is open cannot be opened a second time", async () => {
    const directory = await newPlace();
    const keys = new KeyRing(random.bytes(32));
    const store = await LevelLogStore.open({ directory, keys, random });
    await expect(LevelLogStore.open({ directory, keys, random })).rejects.toThrow(/is in use by another process/);
    await store.load();
    await store.close();
  });

  test("a log cannot be read under another key", async () => {
    const directory = await newPlace();
    const store = await LevelLogStore.open({ directory, keys: new KeyRing(random.bytes(32)), random });
    await store.load();
    await store.append({ entries: entriesOf(1, 1, 3) });
    await store.close();
    const other = await LevelLogStore.open({ directory, keys: new KeyRing(random.bytes(32)), random });
    await expect(other.load()).rejects.toThrow(/no data key for a record/);
    await other.close();
  });

  test("after a change of the data key the old key is not needed, and its ciphertext is gone from the disk", async () => {
    const directory = await newPlace();
    const keys = new KeyRing(random.bytes(32));
    const newSecret = random.bytes(32);
    const store = await LevelLogStore.open({ directory, keys, random });
    await store.load();
    await store.saveIdentity({ self: { raftId: "5", nodeId: "n", address: "a" }, members: [] });
    for (let at = 1; at <= 50; at += 1) await store.append({ entries: entriesOf(1, at, at) });
    await store.saveSnapshot(snapshotAt(40, 1, Buffer.alloc(2_000_000, "state")));
    const oldKeyId = keys.sealing.id;
    keys.setPending(newSecret);
    const rekeyed = store.rekey();
    await store.append({ hardState: { term: 1, vote: "5", commit: 51 }, entries: entriesOf(1, 51, 51) });
    await rekeyed;
    keys.promotePending();
    await store.append({ entries: entriesOf(1, 52, 52) });
    await store.close();
    // Each record names its key, so an old record cannot hide.
    expect((await everything(directory)).includes(oldKeyId)).toBe(false);

    const again = await LevelLogStore.open({ directory, keys: new KeyRing(newSecret), random });
    const log = await again.load();
    expect(log.entries).toEqual(entriesOf(1, 1, 52));
    expect(log.snapshot?.data.length).toBe(2_000_000);
    expect(log.identity?.self.raftId).toBe("5");
    await again.close();
  });

  test("a crash in the middle of a change of the data key leaves a log that both keys together open", async () => {
    const directory = await newPlace();
    const [oldSecret, newSecret] = [random.bytes(32), random.bytes(32)];
    const store = await LevelLogStore.open({ directory, keys: new KeyRing(oldSecret), random });
    await store.load();
    await store.append({ hardState: { term: 1, vote: "5", commit: 0 }, entries: entriesOf(1, 1, 3) });
    await store.close();
    const pending = await LevelLogStore.open({ directory, keys: new KeyRing(oldSecret, newSecret), random });
    await pending.load();
    await pending.append({ entries: entriesOf(1, 4, 4) });
    await pending.close();
    const keys = new KeyRing(oldSecret, newSecret);
    const again = await LevelLogStore.open({ directory, keys, random });
    expect((await again.load()).entries).toEqual(entriesOf(1, 1, 4));
    await again.rekey();
    await again.close();
    const after = await LevelLogStore.open({ directory, keys: new KeyRing(newSecret), random });
    expect((await after.load()).entries).toEqual(entriesOf(1, 1, 4));
    await after.close();
  });

  test("compacted entries are gone from the disk after the next rewrite", async () => {
    const directory = await newPlace();
    const store = await LevelLogStore.open({ directory, keys: new KeyRing(random.bytes(32)), random });
    await store.load();
    const filler = Buffer.alloc(100_000, "x");
    for (let index = 1; index <= 40; index += 1) {
      await store.append({ entries: [{ term: 1, index, type: "normal", data: filler }] });
    }
    await store.saveSnapshot(snapshotAt(40, 1));
    await store.compact(40);
    await store.rekey();
    await store.close();
    expect((await everything(directory)).length).toBeLessThan(100_000);
  });
});
