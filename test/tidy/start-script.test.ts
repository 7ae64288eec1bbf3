// ./mswarm as a person starts it.
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";

const mswarm = fileURLToPath(new URL("../../mswarm", import.meta.url));

// The script builds first where a source has changed since.
const limit = { timeout: 120_000 };

test("the variables of an --env-file are the service's, not of the program that reads the file", limit, async () => {
  const folder = await mkdtemp(join(tmpdir(), "mswarm-start-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "variables");
  await writeFile(file, "NODE_OPTIONS=--no-such-option\n");
  const nobody = `unix://${join(folder, "control.sock")}`;
  const creating = promisify(execFile)(mswarm, ["--host", nobody, "service", "create", "--env-file", file, "image"]);
  await expect(creating).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`Cannot connect to the mswarm daemon at ${nobody}`),
  });
});
