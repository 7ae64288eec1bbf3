// The tmpfs for secrets on a real kernel. Needs root, as the daemon does.
import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { cryptoRandom, silentLogger } from "@mswarm/runtime";
import { type SecretFile, TmpfsSecretMount } from "@mswarm/worker";
import { afterEach, beforeEach, expect, test } from "vitest";

const run = promisify(execFile);
const open = (folder: string) => new TmpfsSecretMount(folder, { random: cryptoRandom(), log: silentLogger() });
const file = (text: string, more: Partial<SecretFile> = {}): SecretFile => ({
  target: "/run/secrets/s",
  data: Buffer.from(text),
  uid: 0,
  gid: 0,
  mode: 0o400,
  ...more,
});

let root: string;
let folder: string;
const path = process.env["PATH"];
beforeEach(async () => {
  root = await mkdtemp("/tmp/msm-");
  folder = join(root, "secrets");
});
afterEach(async () => {
  process.env["PATH"] = path;
  await run("umount", ["-l", folder]).catch(() => undefined);
  await rm(root, { recursive: true, force: true });
});

async function mountLine(): Promise<string | undefined> {
  const lines = (await readFile("/proc/self/mounts", "utf8")).split("\n");
  return lines.findLast((line) => line.split(" ")[1] === folder);
}

test("files are written with owner and mode into a tmpfs that only root can enter and that is not swapped", async () => {
  const placed = await open(folder).place("t1", [file("one", { uid: 12, gid: 34, mode: 0o440 }), file("two")]);
  const [first = "", second = ""] = placed.map(({ source }) => source);
  expect(await readFile(first, "utf8")).toBe("one");
  expect(await readFile(second, "utf8")).toBe("two");
  const { uid, gid, mode } = await stat(first);
  expect([uid, gid, mode & 0o777]).toEqual([12, 34, 0o440]);
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  expect(await mountLine()).toMatch(/ tmpfs .*nosuid,nodev,noexec.*(mode=700|noswap)/);
  expect(await mountLine()).toContain("noswap");
});

test("nothing is mounted before the first secret", async () => {
  const mount = open(folder);
  await mount.wipeAllBut(new Set());
  await mount.wipe("t1");
  expect(await mount.holds("t1")).toBe(false);
  await mount.discard();
  expect(await mountLine()).toBeUndefined();
});

test("the next daemon finds the same files, and wipes those of tasks that are gone", async () => {
  const [placed] = await open(folder).place("t1", [file("one")]);
  await open(folder).place("t2", [file("two")]);
  const next = open(folder);
  expect(await next.holds("t1")).toBe(true);
  await next.wipeAllBut(new Set(["t1"]));
  expect([await next.holds("t1"), await next.holds("t2")]).toEqual([true, false]);
  expect(await readFile(placed?.source ?? "", "utf8")).toBe("one");
  await next.wipe("t1");
  expect(await next.holds("t1")).toBe(false);
});

test("a tmpfs that somebody unmounts is mounted again, under another name, before anything is written", async () => {
  const mount = open(folder);
  const [before] = await mount.place("t1", [file("one")]);
  await run("umount", [folder]);
  expect(await mount.holds("t1")).toBe(false);
  const [after] = await mount.place("t1", [file("one")]);
  expect(after?.source).not.toBe(before?.source);
  expect(await mountLine()).toContain("tmpfs");
});

test("where no tmpfs can be mounted nothing is written to the disk, not even when mount claims success", async () => {
  for (const status of [0, 1]) {
    const programs = join(root, `bin${status}`);
    await mkdir(programs);
    await writeFile(join(programs, "mount"), `#!/bin/sh\nexit ${status}\n`);
    await chmod(join(programs, "mount"), 0o755);
    process.env["PATH"] = `${programs}:${path}`;
    await expect(open(folder).place("t1", [file("never-on-disk")])).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: expect.stringMatching(/^secrets cannot be kept in memory: /),
    });
    expect(await readdir(folder)).toEqual([]);
  }
});

test("a tmpfs around the folder is not the folder's own, and one that the operator mounted there is used", async () => {
  const outer = join(root, "outer");
  await mkdir(outer);
  await run("mount", ["-t", "tmpfs", "none", outer]);
  try {
    folder = join(outer, "secrets");
    await mkdir(folder, { mode: 0o755 });
    await run("mount", ["-t", "tmpfs", "-o", "mode=0755", "operators", folder]);
    const [placed] = await open(folder).place("t1", [file("one")]);
    expect(await mountLine()).toMatch(/^operators /);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect(placed?.source.startsWith(`${folder}/`)).toBe(true);
    await run("umount", [folder]);
    await open(folder).place("t1", [file("one")]);
    expect(await mountLine()).toMatch(/^tmpfs /);
    await run("umount", [folder]);
  } finally {
    await run("umount", ["-l", outer]);
  }
});

test("an id that would leave the folder is refused", async () => {
  await expect(open(folder).place("../t1", [file("one")])).rejects.toThrow("is not one");
});
