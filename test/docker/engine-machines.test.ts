// The ground that other tests stand on: engines of both versions, each on a machine of its own.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DockerEngine, engineVersions, startDockerEngine } from "../support/docker-engine.ts";
import { eventually } from "../support/eventually.ts";
import { type TestMachine, TestNetwork } from "../support/test-network.ts";

const run = promisify(execFile);

let network: TestNetwork;
const machines: TestMachine[] = [];
const engines: DockerEngine[] = [];

beforeAll(async () => {
  network = await TestNetwork.start();
  for (const version of engineVersions) machines.push(await network.machine(`d${version.slice(0, 2)}`));
  engines.push(
    ...(await Promise.all(
      engineVersions.map((version, index) => {
        const machine = machines[index];
        return startDockerEngine({ version, ...(machine === undefined ? {} : { machine }) });
      }),
    )),
  );
});
afterAll(async () => {
  await Promise.all(engines.map((engine) => engine.stop()));
  await network?.stop();
});

/** What is said when `from` connects to port 7000 of `to`, where a container listens; empty when nobody answers. */
async function hears(from: readonly string[], to: string): Promise<string> {
  const [program = "", ...args] = [...from, "busybox", "nc", "-w", "1", to, "7000"];
  return (await run(program, args).catch(() => ({ stdout: "" }))).stdout.trim();
}

test("each runs its version, and its containers hear one another and the host over the network", async () => {
  expect(engines.map(({ version }) => version)).toEqual(engineVersions);
  for (const engine of engines) {
    const serve = `while true; do echo ${engine.version} | nc -l -p 7000; done`;
    await engine.docker("run", "--detach", "--stop-timeout", "1", "--network", "host", engine.image, "sh", "-c", serve);
  }
  for (const from of [[], ...machines.map(({ enter }) => enter)]) {
    for (const [index, { address }] of machines.entries()) {
      await eventually(async () => expect(await hears(from, address)).toBe(engineVersions[index]));
    }
  }
});

test("a machine whose cable is pulled hears nothing until it is back", async () => {
  const [near, far] = machines;
  await far?.cut();
  expect(await hears(near?.enter ?? [], far?.address ?? "")).toBe("");
  await far?.heal();
  await eventually(async () => expect(await hears(near?.enter ?? [], far?.address ?? "")).toBe(engineVersions[1]));
});

test("an engine that is killed starts again, without its containers", async () => {
  for (const engine of engines) {
    expect(await engine.docker("ps", "--quiet")).not.toBe("");
    await engine.kill();
    await engine.start();
    expect(await engine.docker("ps", "--quiet")).toBe("");
  }
});
