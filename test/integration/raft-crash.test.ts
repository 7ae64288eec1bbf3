// SIGKILL at any moment of a process that writes the log.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { KeyRing, LevelLogStore } from "@mswarm/raft";
import { cryptoRandom, milliseconds, systemClock } from "@mswarm/runtime";
import { expect, test } from "vitest";

const random = cryptoRandom();
const clock = systemClock();
const writer = fileURLToPath(new URL("raft-crash-writer.ts", import.meta.url));

interface Acknowledged {
  readonly index: number;
  readonly term: number;
}

/** Runs the writer and kills it `span` after its first acknowledgement; what it acknowledged last. */
async function writeUntilKilled(directory: string, secret: Buffer, span: number): Promise<Acknowledged> {
  const process_ = spawn(process.execPath, ["--conditions=mswarm-source", writer, directory, secret.toString("hex")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  const exited = once(process_, "exit");
  process_.stdout.on("data", (chunk: Buffer) => {
    if (output === "") clock.timer(milliseconds(span), () => process_.kill("SIGKILL"));
    output += String(chunk);
  });
  const [code] = (await exited) as [number | null];
  expect(code).toBeNull();
  const last = output.split("\n").slice(0, -1).at(-1) ?? "0 0";
  const [index = 0, term = 0] = last.split(" ").map(Number);
  return { index, term };
}

test("a killed writer finds everything it acknowledged, round after round", async () => {
  const directory = await mkdtemp(join(tmpdir(), "mswarm-kill-"));
  const secret = random.bytes(32);
  for (let round = 0; round < Number(process.env["MSWARM_CRASH_ROUNDS"] ?? 8); round += 1) {
    const acknowledged = await writeUntilKilled(directory, secret, random.below(400));
    const store = await LevelLogStore.open({ directory, keys: new KeyRing(secret), random });
    const { entries, hardState, snapshot } = await store.load();
    await store.close();
    const last = entries.at(-1)?.index ?? snapshot?.meta.index ?? 0;
    expect(last).toBeGreaterThanOrEqual(acknowledged.index);
    expect(last).toBeLessThanOrEqual(acknowledged.index + 1);
    expect(hardState?.term).toBeGreaterThanOrEqual(acknowledged.term);
    for (const { index, data } of entries) expect(String(data)).toBe(`entry ${index}`.padEnd(40_000, "."));
    if (snapshot !== undefined) expect(String(snapshot.data)).toBe(`state ${snapshot.meta.index}`);
    expect(entries.length).toBeLessThan(60);
  }
  await rm(directory, { recursive: true });
});
