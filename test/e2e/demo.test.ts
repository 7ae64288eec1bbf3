// The README's first command, as a user runs it, twice: with an engine and a lab folder of the test's own.
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { messageOf } from "@mswarm/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DockerEngine, startDockerEngine } from "../support/docker-engine.ts";

const run = promisify(execFile);
const mswarm = fileURLToPath(new URL("../../mswarm", import.meta.url));

let engine: DockerEngine;
let labs: string;

beforeAll(async () => {
  engine = await startDockerEngine();
  // Short: socket paths have at most 107 bytes.
  labs = await mkdtemp("/tmp/msd-");
});

afterAll(async () => {
  await ask("lab", "down", "--name", "demo").catch(messageOf);
  await engine.stop();
  await rm(labs, { recursive: true, force: true });
});

const environment = () => ({ ...process.env, MSWARM_ENGINE: engine.address, MSWARM_LAB_DIR: labs });
const ask = async (...args: string[]): Promise<string> => (await run(mswarm, args, { env: environment() })).stdout;

test.each(["first", "second"])("the %s demo shows what it promises, and leaves a cluster to look at", async () => {
  const output = await ask("demo");
  expect(output).toMatch(/the cluster is up \(\d+\.\d\d s\)/);
  expect(output).toMatch(/each printed [0-9a-f]{16}…, which is the secret's/);
  expect(output).toMatch(/m\d is dead; the next write succeeded after [01]\.\d\d s/);
  expect(output).toContain("4 of 4 tasks never stopped running");
  expect(output).toMatch(/m\d has caught up with the log/);
  const status = await ask("lab", "status", "--name", "demo");
  expect(status.match(/\bactive\b/g)).toHaveLength(5);
});

test("taking the lab down leaves no container", async () => {
  await ask("lab", "down", "--name", "demo");
  const { stdout } = await run("docker", ["-H", engine.address, "ps", "--all", "--quiet"]);
  expect(stdout).toBe("");
  await expect(ask("lab", "status", "--name", "demo")).rejects.toThrow('there is no lab "demo" on this machine');
});
