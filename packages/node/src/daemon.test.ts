import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { runDaemon } from "./daemon.ts";

test("a daemon whose Engine API socket is another's says so, serves nothing, and gives its state directory back", async () => {
  const folder = await mkdtemp("/tmp/msd-");
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const taken = join(folder, "docker.sock");
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(taken, resolve));
  onTestFinished(() => void other.close());
  const options = {
    stateDirectory: join(folder, "state"),
    engine: `unix://${join(folder, "engine.sock")}`,
    api: `unix://${taken}`,
    control: `unix://${join(folder, "control.sock")}`,
    hostname: "m1",
    defaultAdvertiseAddress: "",
    logLevel: "error",
    logFormat: "json",
  } as const;
  const begin = (): Promise<void> => runDaemon(options, new AbortController().signal);
  await expect(begin()).rejects.toThrow(taken);
  // Whoever serves a socket leaves a file, and keeps its process alive.
  expect((await readdir(folder)).sort()).toEqual(["docker.sock", "state"]);
  await expect(begin()).rejects.toThrow(taken);
});
