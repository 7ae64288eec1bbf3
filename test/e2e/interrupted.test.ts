// A plug that is pulled in the middle of an init, a join or a leave leaves a node that finishes it, or can begin again.
import { cryptoRandom, milliseconds, seconds, systemClock } from "@mswarm/runtime";
import { SeededRandom } from "@mswarm/runtime/simulated";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DaemonProcess } from "../support/daemon-process.ts";
import { type DockerEngine, startDockerEngine } from "../support/docker-engine.ts";
import { callLimit, eventually } from "../support/eventually.ts";
import { TestCluster } from "../support/test-cluster.ts";

const clock = systemClock();
const inTime = { timeout: callLimit };
const seed = Number(process.env["MSWARM_SEED"] ?? cryptoRandom().below(2 ** 32));
const random = new SeededRandom(seed);
/** Of each story; more find more. */
const rounds = Number(process.env["MSWARM_ROUNDS"] ?? 3);
/** What is interrupted takes less on an idle machine. */
const longest = milliseconds(500);
const say = (figure: string): void => console.log(`[interrupted] ${figure}`);

let docker: DockerEngine;
let cluster: TestCluster;

beforeAll(async () => {
  say(`seed ${seed} (MSWARM_SEED=${seed} replays the moments)`);
  docker = await startDockerEngine();
  cluster = await TestCluster.start({ engine: docker.address, managers: 1, workers: 0 });
});
afterAll(async () => {
  await cluster?.stop();
  await docker?.stop();
});

/** Begins `work`, kills the daemon at a random moment, and starts it again. */
async function interrupted(daemon: DaemonProcess, work: () => Promise<unknown>): Promise<void> {
  const outcome = work().then(
    () => "done",
    () => "failed",
  );
  const moment = milliseconds(random.below(longest));
  await clock.sleep(moment);
  await daemon.kill();
  await daemon.start();
  say(`${daemon.name} killed after ${moment} ms: the call had ${await outcome}`);
}

/** Waits until the daemon has made up its mind: a member, or nothing. */
async function settled(daemon: DaemonProcess): Promise<"ACTIVE" | "INACTIVE"> {
  return await eventually(async () => {
    const { state = "INACTIVE", error = "" } = await daemon.status();
    expect(["ACTIVE", "INACTIVE"], error).toContain(state);
    return state === "ACTIVE" ? state : "INACTIVE";
  });
}

async function isWhole(): Promise<void> {
  const spec = { annotations: { name: `s-${clock.now()}` }, data: Buffer.from("x") };
  await eventually(async () => (await cluster.control()).CreateSecret({ spec }, inTime));
}

const limit = { timeout: seconds(120) + rounds * seconds(40) };

for (const kind of ["worker", "manager"] as const) {
  test(`a ${kind}'s join that is interrupted at any moment ends in a working ${kind}`, limit, async () => {
    for (let round = 0; round < rounds; round += 1) {
      const daemon = cluster.add(`${kind}${round}`);
      await daemon.start();
      const { [kind]: token = "" } = await cluster.joinTokens();
      const managers = [cluster.daemon("m1").managerAddress];
      await interrupted(daemon, () => daemon.join(token, managers));
      if ((await settled(daemon)) === "INACTIVE") await daemon.join(token, managers);
      const nodeId = await daemon.nodeId();
      await eventually(async () => {
        const { node } = await (await cluster.control()).GetNode({ nodeId }, inTime);
        expect(node?.status?.state).toBe("READY");
        if (kind === "manager") expect(node?.managerStatus?.reachability).toBe("REACHABLE");
      });
      await isWhole();
      // Two managers cannot lose one: the cluster goes back to a size in which every round means the same.
      if (kind === "manager") {
        await cluster.updateNode(daemon.name, (spec) => ({ ...spec, desiredRole: "WORKER" }));
        await eventually(async () => expect((await daemon.status()).isManager ?? false).toBe(false));
      }
      await daemon.stop();
    }
  });
}

test("an init that is interrupted at any moment can be repeated, or is done", limit, async () => {
  for (let round = 0; round < rounds; round += 1) {
    const alone = await TestCluster.create(docker.address);
    try {
      const daemon = alone.add("m1");
      await daemon.start();
      await interrupted(daemon, () => daemon.init());
      if ((await settled(daemon)) === "INACTIVE") await daemon.init();
      await eventually(async () => expect((await alone.node("m1")).status?.state).toBe("READY"));
    } finally {
      await alone.stop();
    }
  }
});

test("a leave that is interrupted at any moment can be repeated, or is done", limit, async () => {
  for (let round = 0; round < rounds; round += 1) {
    const daemon = cluster.add(`leaver${round}`);
    await daemon.start();
    const { worker = "" } = await cluster.joinTokens();
    await daemon.join(worker, [cluster.daemon("m1").managerAddress]);
    await interrupted(daemon, () => daemon.daemon.Leave({}, inTime));
    if ((await settled(daemon)) === "ACTIVE") await daemon.daemon.Leave({}, inTime);
    expect((await daemon.status()).state ?? "INACTIVE").toBe("INACTIVE");
    await daemon.join(worker, [cluster.daemon("m1").managerAddress]);
    await daemon.stop();
  }
});
