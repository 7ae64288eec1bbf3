import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unavailable } from "@mswarm/runtime";
import { SeededRandom } from "@mswarm/runtime/simulated";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type FileSystem, nodeFileSystem } from "./file-system.ts";
import { type Identity, IdentityFiles } from "./identity-files.ts";
import { type TestAuthority, testAuthority } from "./testing/index.ts";

let directory: string;
let cluster: TestAuthority;
const random = new SeededRandom(5);
const kek = random.bytes(32);

beforeAll(async () => {
  cluster = await testAuthority();
});
beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), "mswarm-identity-")), "certificates");
});
afterEach(() => rmSync(join(directory, ".."), { recursive: true, force: true }));

async function newIdentity(parts: Partial<Identity> = {}): Promise<Identity> {
  const { certificatePem, keyPem } = await cluster.node();
  const otherHeaders: Identity["otherHeaders"] = [];
  return { certificatePem, keyPem, kekVersion: "0", raftDekNeedsRotation: false, otherHeaders, ...parts };
}

/** The real disk until the n-th writing step, which tears its file and fails; all later ones fail too. */
function crashingFiles(failingStep: number): { files: FileSystem; crashed(): boolean } {
  const disk = nodeFileSystem();
  let step = 0;
  const guarded =
    <A extends readonly unknown[]>(work: (...args: A) => Promise<void>, tear?: (...args: A) => void) =>
    async (...args: A): Promise<void> => {
      step += 1;
      if (step < failingStep) return await work(...args);
      if (step === failingStep) tear?.(...args);
      throw unavailable("the plug was pulled");
    };
  return {
    crashed: () => step >= failingStep,
    files: {
      read: disk.read,
      writeSynced: guarded(disk.writeSynced, (path, data) => writeFileSync(path, data.slice(0, data.length / 2))),
      rename: guarded(disk.rename),
      syncDirectory: guarded(disk.syncDirectory),
      makeDirectory: guarded(disk.makeDirectory),
      remove: guarded(disk.remove),
    },
  };
}

/** Runs `work` with a crash at step 1, 2, 3 … until it succeeds; `check` looks at the disk after each crash. */
async function atEveryStep(
  work: (files: IdentityFiles) => Promise<unknown>,
  check: () => Promise<void>,
  prepare: () => Promise<void> = async () => undefined,
): Promise<number> {
  for (let step = 1; ; step += 1) {
    rmSync(directory, { recursive: true, force: true });
    await prepare();
    const { files, crashed } = crashingFiles(step);
    await work(new IdentityFiles(directory, { files, random })).catch(() => undefined);
    await check();
    if (!crashed()) return step - 1;
  }
}

test("an identity is read back with its headers; the modes are those of wire 3.11", async () => {
  const files = new IdentityFiles(directory);
  const identity = await newIdentity({ raftDek: random.bytes(32), raftDekNeedsRotation: true, kekVersion: "9" });
  await files.saveRoot(cluster.rootPem);
  await files.save(identity);
  expect(await new IdentityFiles(directory).load()).toEqual(identity);
  expect(await files.loadRoot()).toBe(cluster.rootPem);
  const mode = (name: string): number => statSync(join(directory, name)).mode & 0o777;
  expect(mode(".")).toBe(0o700);
  expect(mode("swarm-node.key")).toBe(0o600);
  expect(mode("swarm-node.crt")).toBe(0o644);
  expect(mode("swarm-root-ca.crt")).toBe(0o644);
  expect(readdirSync(directory).sort()).toEqual(["swarm-node.crt", "swarm-node.key", "swarm-root-ca.crt"]);
});

test("a node without files has no identity and no root", async () => {
  const files = new IdentityFiles(directory);
  expect(await files.load()).toBeUndefined();
  expect(await files.loadRoot()).toBeUndefined();
});

test("a crash at any step of the first save leaves nothing or the whole identity", async () => {
  const identity = await newIdentity();
  const steps = await atEveryStep(
    (files) => files.save(identity),
    async () => {
      const loaded = await new IdentityFiles(directory).load();
      expect(loaded === undefined || loaded.certificatePem === identity.certificatePem).toBe(true);
    },
  );
  expect(steps).toBe(9);
});

test("a crash at any step of a renewal leaves the old identity or the new one, and it can be renewed again", async () => {
  const old = await newIdentity({ raftDek: random.bytes(32) });
  const next = await newIdentity({ raftDek: old.raftDek as Buffer });
  const third = await newIdentity({ raftDek: old.raftDek as Buffer });
  const seen = new Set<string>();
  await atEveryStep(
    (files) => files.save(next),
    async () => {
      const loaded = await new IdentityFiles(directory).load();
      expect([old, next]).toContainEqual(loaded);
      seen.add(loaded === undefined ? "" : loaded.certificatePem);
      await new IdentityFiles(directory).save(third);
      expect(await new IdentityFiles(directory).load()).toEqual(third);
    },
    () => new IdentityFiles(directory).save(old),
  );
  expect(seen.size).toBe(2);
});

test("a save on top of an interrupted save may crash at any step too", async () => {
  const old = await newIdentity();
  const interrupted = await newIdentity();
  const next = await newIdentity();
  // Before the key is replaced, between key and certificate, and before the last rename.
  for (const first of [5, 7, 8]) {
    await atEveryStep(
      (files) => files.save(next),
      async () => expect([old, interrupted, next]).toContainEqual(await new IdentityFiles(directory).load()),
      async () => {
        await new IdentityFiles(directory).save(old);
        const { files } = crashingFiles(first);
        await new IdentityFiles(directory, { files, random }).save(interrupted).catch(() => undefined);
      },
    );
  }
});

test("a crash while the unlock key changes leaves a file that one of the two keys opens", async () => {
  const identity = await newIdentity({ raftDek: random.bytes(32) });
  const locked = { ...identity, kekVersion: "12" };
  await atEveryStep(
    (files) => files.update(() => locked, { next: kek }),
    async () => expect([identity, locked]).toContainEqual(await new IdentityFiles(directory).load(kek)),
    () => new IdentityFiles(directory).save(identity),
  );
  await expect(new IdentityFiles(directory).load()).rejects.toThrow("node is locked, and needs a valid unlock key");
});

test("updates that start together are made one after the other", async () => {
  const files = new IdentityFiles(directory);
  await files.save(await newIdentity());
  const renewed = await newIdentity();
  const raftDek = random.bytes(32);
  await Promise.all([
    files.update((current) => ({ ...current, raftDek })),
    files.update((current) => ({ ...current, certificatePem: renewed.certificatePem, keyPem: renewed.keyPem })),
  ]);
  expect(await files.load()).toEqual({ ...renewed, raftDek });
});

test("a certificate of another key is not written", async () => {
  const files = new IdentityFiles(directory);
  const [one, two] = [await newIdentity(), await newIdentity()];
  await expect(files.save({ ...one, keyPem: two.keyPem })).rejects.toThrow("does not belong to its key");
  expect(await files.load()).toBeUndefined();
});

test("files that do not belong together are reported, not used", async () => {
  const files = new IdentityFiles(directory);
  await files.save(await newIdentity());
  writeFileSync(join(directory, "swarm-node.crt"), (await newIdentity()).certificatePem);
  await expect(files.load()).rejects.toMatchObject({ code: "DATA_LOSS" });
  writeFileSync(join(directory, "swarm-node.key"), "gone");
  await expect(files.load()).rejects.toMatchObject({ code: "DATA_LOSS" });
});

test("after leaving nothing is left", async () => {
  const files = new IdentityFiles(directory);
  await files.saveRoot(cluster.rootPem);
  await files.save(await newIdentity());
  await files.clear();
  expect(readdirSync(directory)).toEqual([]);
});
