import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { systemClock } from "@mswarm/runtime";
import { afterEach, beforeEach, expect, test } from "vitest";
import { labExists, labUp, openLab, statusOf } from "./lab.ts";
import { type LabRoots, labRoots, recordPath } from "./layout.ts";
import { daemonPid } from "./processes.ts";

let roots: LabRoots;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mswl-"));
  roots = labRoots(folder);
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const record = { name: "lab", managers: 1, workers: 1, subnet: 3, engine: "unix:///fake" };

async function write(content: string): Promise<void> {
  await mkdir(dirname(recordPath(roots, "lab")), { recursive: true });
  await writeFile(recordPath(roots, "lab"), content);
}

test("a lab that is not there is said to be none, with how to start it", async () => {
  await expect(openLab("lab", roots)).rejects.toMatchObject({
    code: "NOT_FOUND",
    message: 'there is no lab "lab" on this machine; start it with: mswarm lab up',
  });
  expect(await labExists("lab", roots)).toBe(false);
});

test("a lab is found again by its record", async () => {
  await write(JSON.stringify(record));
  const { nodes } = await openLab("lab", roots);
  expect(nodes.map(({ name, address }) => `${name} ${address}`)).toEqual(["m1 127.0.3.11", "w1 127.0.3.101"]);
});

test.each([
  "",
  "{",
  "null",
  "[]",
  JSON.stringify({ ...record, managers: 99 }),
  JSON.stringify({ ...record, engine: 1 }),
])("a damaged record %j is named, and taken for no lab's", async (content) => {
  await write(content);
  await expect(openLab("lab", roots)).rejects.toMatchObject({ code: "DATA_LOSS" });
  await expect(openLab("lab", roots)).rejects.toThrow(recordPath(roots, "lab"));
  await expect(labExists("lab", roots)).rejects.toMatchObject({ code: "DATA_LOSS" });
});

test("a lab of another size is not changed behind its user's back", async () => {
  await write(JSON.stringify(record));
  const parts = { roots, clock: systemClock(), say: () => undefined };
  await expect(labUp({ ...record, workers: 2 }, parts)).rejects.toThrow(
    'the lab "lab" exists with 1 managers and 1 workers; take it down first: mswarm lab down --name lab',
  );
  expect(JSON.parse(await readFile(recordPath(roots, "lab"), "utf8"))).toEqual(record);
});

test("a pid that belongs to another program by now is not taken for a daemon", async () => {
  await write(JSON.stringify(record));
  const [node] = (await openLab("lab", roots)).nodes;
  if (node === undefined) return expect.fail("a lab has nodes");
  await mkdir(node.runtimeDirectory, { recursive: true });
  expect(await daemonPid(node)).toBeUndefined();
  await writeFile(node.pidPath, `${process.pid}\n`);
  expect(await daemonPid(node)).toBeUndefined();
  await writeFile(node.pidPath, "nonsense");
  expect(await daemonPid(node)).toBeUndefined();
  expect(await statusOf(node, systemClock())).toBeUndefined();
});
