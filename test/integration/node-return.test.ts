// Nodes that come back changed: removed meanwhile, under another name, at another address, or twice.
import { afterEach, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type TestDaemon, TestDaemons } from "./node-daemon.ts";

const daemons = new TestDaemons();
afterEach(() => daemons.dispose());

/** What `mswarm status` says is wrong. */
const complaintOf = ({ membership: { state } }: TestDaemon): string => ("reason" in state ? state.reason : state.kind);

test("a worker that was removed while it was away says so when it comes back, and can leave and join anew", async () => {
  const [manager, worker] = [await daemons.running(), await daemons.running()];
  await manager.init();
  await worker.join(manager, "worker");
  const { nodeId } = worker;
  await worker.stop();
  await eventually(() => manager.control.RemoveNode({ nodeId, force: true }));
  await worker.start();
  await eventually(() => expect(complaintOf(worker)).toContain("This node was removed from its swarm"));
  expect(worker.membership.state.kind).toBe("error");
  await worker.membership.leave(false);
  await worker.isUntouched();
  await worker.join(manager, "worker");
  expect(worker.nodeId).not.toBe(nodeId);
});

test("a worker that is removed while it runs is told at once", async () => {
  const [manager, worker] = [await daemons.running(), await daemons.running()];
  await manager.init();
  await worker.join(manager, "worker");
  const { nodeId } = worker;
  await eventually(async () => {
    const { node } = await manager.control.GetNode({ nodeId });
    expect(node?.status?.state).toBe("READY");
  });
  await expect(manager.control.RemoveNode({ nodeId })).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    message: `node ${nodeId} is not down and can't be removed`,
  });
  await manager.control.RemoveNode({ nodeId, force: true });
  await eventually(() => expect(complaintOf(worker)).toContain("This node was removed from its swarm"));
});

test("a manager that was demoted and removed while it was away says so when it comes back", async () => {
  const [first, second, third] = [await daemons.running(), await daemons.running(), await daemons.running()];
  await first.init();
  await second.join(first, "manager");
  await third.join(first, "manager");
  const { nodeId } = third;
  await third.stop();
  await eventually(async () => {
    const { node } = await first.control.GetNode({ nodeId });
    await first.control.UpdateNode({
      nodeId,
      nodeVersion: node?.meta?.version ?? {},
      spec: { ...node?.spec, desiredRole: "WORKER" },
    });
  });
  await eventually(() => first.control.RemoveNode({ nodeId, force: true }));
  await third.start();
  await eventually(() => expect(complaintOf(third)).toContain("This node was removed from its swarm"));
  expect(first.raft.members()).toHaveLength(2);
  await third.membership.leave(true);
  await third.isUntouched();
});

test("a node that comes back under another host name is known by it, and its availability is kept", async () => {
  const [manager, worker] = [await daemons.running(), await daemons.running()];
  await manager.init();
  await worker.join(manager, "worker");
  const { nodeId } = worker;
  const { node } = await manager.control.GetNode({ nodeId });
  const spec = { ...node?.spec, availability: "PAUSE" } as const;
  await manager.control.UpdateNode({ nodeId, nodeVersion: node?.meta?.version ?? {}, spec });
  worker.hostname = "renamed";
  await worker.restart();
  await eventually(async () => {
    const { node: now } = await manager.control.GetNode({ nodeId });
    expect(now?.description?.hostname).toBe("renamed");
    expect(now?.spec?.availability).toBe("PAUSE");
    expect(now?.status?.state).toBe("READY");
  });
});
