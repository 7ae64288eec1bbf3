// The engines of the tests live beside one that a user runs on this machine, and must leave it alone.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { startDockerEngine } from "../support/docker-engine.ts";

const run = promisify(execFile);

test("a test's engine leaves the bridge of the machine's own engine in place", async () => {
  const hadBridge = await run("ip", ["link", "show", "docker0"]).then(
    () => true,
    () => false,
  );
  if (!hadBridge) await run("ip", ["link", "add", "docker0", "type", "bridge"]);
  const engine = await startDockerEngine();
  try {
    await expect(run("ip", ["link", "show", "docker0"])).resolves.toBeDefined();
  } finally {
    await engine.stop();
    if (!hadBridge) await run("ip", ["link", "delete", "docker0"]);
  }
});
