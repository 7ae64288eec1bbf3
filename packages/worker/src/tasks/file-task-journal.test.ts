import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "@mswarm/runtime";
import { afterEach, expect, test } from "vitest";
import { assignedTask } from "../testing/worker-scene.ts";
import { FileTaskJournal } from "./file-task-journal.ts";

const folders: string[] = [];
async function journalFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "journal-"));
  folders.push(folder);
  return join(folder, "worker");
}
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});
const open = (folder: string): FileTaskJournal => new FileTaskJournal(folder, { log: silentLogger() });

test("a task and its status are read back, without the registry's credentials", async () => {
  const folder = await journalFolder();
  const task = assignedTask("t1", { env: ["A=1"], pullOptions: { registryAuth: "c2VjcmV0" } });
  await open(folder).save({ task, status: { state: "RUNNING", message: "started" } });
  const [entry] = await open(folder).load();
  expect(entry?.status).toMatchObject({ state: "RUNNING", message: "started" });
  expect(entry?.task).toMatchObject({ id: "t1", spec: { container: { env: ["A=1"] } } });
  expect(entry?.task.spec?.container?.pullOptions).toBeUndefined();
  expect(await readFile(join(folder, "t1.task"), "latin1")).not.toContain("c2VjcmV0");
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  expect((await stat(join(folder, "t1.task"))).mode & 0o777).toBe(0o600);
});

test("a half-written or damaged entry does not keep the others from being read", async () => {
  const folder = await journalFolder();
  const journal = open(folder);
  await journal.save({ task: assignedTask("t1"), status: { state: "READY" } });
  await writeFile(join(folder, "t2.task.new"), "half");
  await writeFile(join(folder, "t3.task"), Buffer.from([0xff, 0xff, 0xff]));
  await writeFile(join(folder, "t4.task"), await readFile(join(folder, "t1.task")));
  expect((await journal.load()).map(({ task }) => task.id)).toEqual(["t1"]);
});

test("an entry is replaced, forgotten, and all are cleared", async () => {
  const folder = await journalFolder();
  const journal = open(folder);
  for (const id of ["t1", "t2"]) await journal.save({ task: assignedTask(id), status: { state: "READY" } });
  await journal.save({ task: assignedTask("t1"), status: { state: "RUNNING" } });
  expect((await journal.load()).map(({ status }) => status.state).sort()).toEqual(["READY", "RUNNING"]);
  await journal.forget("t1");
  await journal.forget("t1");
  expect(await readdir(folder)).toEqual(["t2.task"]);
  await journal.clear();
  expect(await readdir(folder)).toEqual([]);
});

test("an id that would leave the folder is refused", async () => {
  const folder = await journalFolder();
  await expect(open(folder).save({ task: assignedTask("../evil"), status: {} })).rejects.toThrow("is not one");
});
