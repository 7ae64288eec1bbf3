// Promotion and demotion, of followers and of the leader, while clients write; and what is refused because a quorum, or
// the last manager, would be lost.
import { seconds } from "@mswarm/runtime";
import type { NodeRole } from "@mswarm/wire";
import { afterEach, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { SteadyWriters } from "../support/steady-writers.ts";
import { type TestDaemon, TestDaemons } from "./node-daemon.ts";

const daemons = new TestDaemons();
afterEach(() => daemons.dispose());
const say = (figure: string): void => console.log(`[roles] ${figure}`);

/** Asks `manager` for another role of the node; once, if it is refused with another text than a stale version. */
async function askForRole(manager: TestDaemon, nodeId: string, desiredRole: NodeRole): Promise<void> {
  for (;;) {
    const { node } = await manager.control.GetNode({ nodeId });
    const nodeVersion = node?.meta?.version ?? {};
    try {
      await manager.control.UpdateNode({ nodeId, nodeVersion, spec: { ...node?.spec, desiredRole } });
      return;
    } catch (error) {
      if (!String(error).includes("update out of sequence")) throw error;
    }
  }
}

const isManager = (daemon: TestDaemon): boolean => typeof daemon.membership.manager() !== "string";

async function becomes(daemon: TestDaemon, role: NodeRole): Promise<void> {
  await eventually(() => {
    expect(daemon.membership.credentials?.isManager).toBe(role === "MANAGER");
    expect(isManager(daemon)).toBe(role === "MANAGER");
    if (role === "MANAGER") expect(daemon.isReady).toBe(true);
  });
}

/** A cluster of managers, and workers. */
async function cluster(managers: number, workers: number): Promise<readonly TestDaemon[]> {
  const all = await Promise.all(Array.from({ length: managers + workers }, () => daemons.running()));
  const [first, ...others] = all;
  if (first === undefined) throw expect.fail("a cluster has a manager");
  await first.init();
  for (const [number, daemon] of others.entries())
    await daemon.join(first, number < managers - 1 ? "manager" : "worker");
  await eventually(async () => {
    const { nodes = [] } = await first.control.ListNodes({});
    expect(nodes.map(({ status }) => status?.state)).toEqual(all.map(() => "READY"));
  });
  return all;
}

const storedSecrets = (daemon: TestDaemon): ReadonlySet<string> =>
  new Set((daemon.store.save().secrets ?? []).map(({ spec }) => spec?.annotations?.name ?? ""));

test("32 clients write on while managers are promoted and demoted, the leader too", async () => {
  const all = await cluster(3, 1);
  const [m1, m2, m3, worker] = all;
  if (m1 === undefined || m2 === undefined || m3 === undefined || worker === undefined) throw expect.fail("four");
  const leads = (): TestDaemon => [m1, m2, m3].find((each) => each.raft.leadership.isLeader) ?? m1;
  expect(leads()).toBe(m1);
  // Those that stay managers all the time.
  const writers = SteadyWriters.start("w", [m2, m3], 32);
  await writers.pass();
  await askForRole(m2, worker.nodeId, "MANAGER");
  await becomes(worker, "MANAGER");
  await writers.pass();
  await askForRole(m2, worker.nodeId, "WORKER");
  await becomes(worker, "WORKER");
  await writers.pass();
  await askForRole(m2, m1.nodeId, "WORKER");
  await becomes(m1, "WORKER");
  await writers.pass();
  await askForRole(m2, m1.nodeId, "MANAGER");
  await becomes(m1, "MANAGER");
  await writers.pass();
  await writers.stop();
  const { acknowledged, longestWrite, failures } = writers;
  say(`${acknowledged.size} writes acknowledged, the longest took ${Math.round(longestWrite)} ms`);
  for (const [text, count] of failures) say(`  ${count} × ${text}`);
  expect(longestWrite).toBeLessThan(seconds(20));
  await eventually(() => {
    for (const manager of [m1, m2, m3]) {
      const held = storedSecrets(manager);
      expect([...acknowledged].filter((name) => !held.has(name))).toEqual([]);
    }
  });
  await eventually(() => expect(m2.raft.members()).toHaveLength(3));
});

test("a demotion that would lose the quorum, and the last manager's, are refused in Docker's words", async () => {
  const [m1, m2, m3] = await cluster(3, 0);
  if (m1 === undefined || m2 === undefined || m3 === undefined) throw expect.fail("three");
  const ids = { m2: m2.nodeId, m3: m3.nodeId };
  await m3.stop();
  await eventually(() => expect(m1.raft.reachable(m3Id())).toBe(false));
  function m3Id(): string {
    return m1?.raft.members().find(({ nodeId }) => nodeId === ids.m3)?.raftId ?? "";
  }
  // One of the two that are left cannot go: the one that stays would be one of two.
  await expect(askForRole(m1, ids.m2, "WORKER")).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    message: "can't remove member from the raft: this would result in a loss of quorum",
  });
  await expect(m1.control.RemoveNode({ nodeId: ids.m3, force: true })).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    message: `node ${ids.m3} is a cluster manager and is a member of the raft cluster. It must be demoted to worker before removal`,
  });
  // The one that is away can.
  await askForRole(m1, ids.m3, "WORKER");
  await eventually(() => expect(m1.raft.members()).toHaveLength(2));
  await askForRole(m1, ids.m2, "WORKER");
  await becomes(m2, "WORKER");
  await eventually(() => expect(m1.raft.members()).toHaveLength(1));
  await expect(askForRole(m1, m1.nodeId, "WORKER")).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    message: "attempting to demote the last manager of the swarm",
  });
  // The demoted one that comes back learns of it, and is a worker.
  await m3.start();
  await becomes(m3, "WORKER");
  await eventually(async () => {
    const { node } = await m1.control.GetNode({ nodeId: ids.m3 });
    expect(node).toMatchObject({ status: { state: "READY" } });
    expect(node?.role ?? "WORKER").toBe("WORKER");
  });
});
