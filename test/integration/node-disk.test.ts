// A manager whose disk fails it: it says so, the others go on without it, and it takes part again when the disk does.
import { execFile } from "node:child_process";
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { seconds } from "@mswarm/runtime";
import { afterEach, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type TestDaemon, TestDaemons } from "./node-daemon.ts";

const inTime = seconds(5);
const run = promisify(execFile);
const daemons = new TestDaemons();
const mounts: string[] = [];
afterEach(async () => {
  await daemons.stop();
  for (const point of mounts.splice(0)) await run("umount", ["--lazy", point]);
  await daemons.dispose();
});

const complaintOf = ({ membership: { state } }: TestDaemon): string => ("reason" in state ? state.reason : state.kind);

/** A daemon whose folder is a file system of its own, of `megabytes`. */
async function onSmallDisk(megabytes: number): Promise<TestDaemon> {
  const daemon = await daemons.created();
  await run("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", daemon.folder]);
  mounts.push(daemon.folder);
  await daemon.start();
  return daemon;
}

async function fill(daemon: TestDaemon): Promise<() => Promise<void>> {
  const filler = join(daemon.folder, "filler");
  await run("dd", ["if=/dev/zero", `of=${filler}`, "bs=4k"]).catch(() => undefined);
  return () => rm(filler);
}

async function write(manager: TestDaemon, name: string): Promise<void> {
  const spec = { annotations: { name }, data: Buffer.alloc(10_000) };
  await manager.control.CreateSecret({ spec }, { timeout: inTime });
}

const reachabilityOf = async (manager: TestDaemon, nodeId: string): Promise<string | undefined> =>
  (await manager.control.GetNode({ nodeId })).node?.managerStatus?.reachability;

test.each(["follower", "leader"])(
  "a %s whose disk is full says so, is missed by nobody, and goes on when there is room",
  async (role) => {
    const [small, other] = [await onSmallDisk(24), await daemons.running()];
    const third = await daemons.running();
    const [first, second] = role === "leader" ? [small, other] : [other, small];
    await first.init();
    await second.join(first, "manager");
    await third.join(first, "manager");
    expect(small.raft.leadership.isLeader).toBe(role === "leader");
    const { nodeId } = small;
    const makeRoom = await fill(small);
    // Until its disk has noticed; the writes are the others' by then, and none of them is lost.
    let count = 0;
    await eventually(async () => {
      count += 1;
      await write(third, `w${count}`).catch(() => undefined);
      expect(complaintOf(small)).toContain("the disk is full");
    });
    await eventually(() => write(third, "without-it"));
    await eventually(async () => expect(await reachabilityOf(third, nodeId)).toBe("UNREACHABLE"));
    expect(small.complaints).toContain("raft has stopped: this manager can neither vote nor lead");
    await makeRoom();
    await eventually(() => expect(small.membership.state).toEqual({ kind: "active" }));
    await eventually(() => {
      const names = (small.store.save().secrets ?? []).map(({ spec }) => spec?.annotations?.name);
      expect(names).toContain("without-it");
    });
    await eventually(async () => expect(await reachabilityOf(third, nodeId)).toBe("REACHABLE"));
  },
);

test("a manager whose log cannot be opened says so, works as a worker meanwhile, and goes on when it can", async () => {
  const [first, second, third] = [await daemons.running(), await daemons.running(), await daemons.running()];
  await first.init();
  await second.join(first, "manager");
  await third.join(first, "manager");
  const { nodeId } = third;
  await third.stop();
  const [log, away] = [join(third.stateDirectory, "raft"), join(third.folder, "away")];
  await rename(log, away);
  await writeFile(log, "");
  await third.start();
  await eventually(() => expect(complaintOf(third)).toContain("raft log: opening"));
  expect(third.membership.state.kind).toBe("error");
  await eventually(async () => {
    const { node } = await first.control.GetNode({ nodeId });
    expect(node).toMatchObject({ status: { state: "READY" }, managerStatus: { reachability: "UNREACHABLE" } });
  });
  await rm(log);
  await rename(away, log);
  await eventually(() => expect(third.membership.state).toEqual({ kind: "active" }));
  await eventually(async () => expect(await reachabilityOf(first, nodeId)).toBe("REACHABLE"));
  expect(first.raft.members()).toHaveLength(3);
});
