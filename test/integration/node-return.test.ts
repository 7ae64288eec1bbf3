// Nodes that come back changed: removed meanwhile, under another name, at another address, or twice.
import { afterEach, expect, test } from "vitest";
import { parseHostPort } from "../../packages/node/src/addresses.ts";
import { eventually } from "../support/eventually.ts";
import { freshAddress, never, type TestDaemon, TestDaemons } from "./node-daemon.ts";

const daemons = new TestDaemons();
afterEach(() => daemons.dispose());

const hostOf = (address: string): string => parseHostPort(address).host;
const portOf = (address: string): number => parseHostPort(address).port;

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
  await eventually(() => expect(first.raft.members()).toHaveLength(2));
  await third.membership.leave(true);
  await third.isUntouched();
});

test("a node that comes back under another host name is known by it, and its availability is kept", async () => {
  const [manager, worker] = [await daemons.running(), await daemons.running()];
  await manager.init();
  await worker.join(manager, "worker");
  const { nodeId } = worker;
  // The manager changes the node too, as soon as it is there.
  await eventually(async () => {
    const { node } = await manager.control.GetNode({ nodeId });
    const spec = { ...node?.spec, availability: "PAUSE" } as const;
    await manager.control.UpdateNode({ nodeId, nodeVersion: node?.meta?.version ?? {}, spec });
  });
  worker.hostname = "renamed";
  await worker.restart();
  await eventually(async () => {
    const { node: now } = await manager.control.GetNode({ nodeId });
    expect(now?.description?.hostname).toBe("renamed");
    expect(now?.spec?.availability).toBe("PAUSE");
    expect(now?.status?.state).toBe("READY");
  });
});

/** Joins, or makes, a cluster without a word about addresses: the daemon's default is taken. */
const anywhere = (daemon: TestDaemon) => {
  const port = portOf(daemon.address);
  return { listenAddr: `0.0.0.0:${port}`, advertiseAddr: "" };
};

test.each([2, 3])("a manager of %i that comes back at another address is a member there", async (count) => {
  const all = await Promise.all(Array.from({ length: count }, () => daemons.movable()));
  const [first, moved] = all;
  if (first === undefined || moved === undefined) throw expect.fail("there are two");
  await first.membership.init(anywhere(first), never);
  for (const daemon of all.slice(1)) {
    const joinToken = first.joinTokens().manager;
    await daemon.membership.join({ ...anywhere(daemon), joinToken, remoteAddrs: [first.address] }, never);
  }
  const { nodeId } = moved;
  const { raftId } = moved.raft.self;
  const port = portOf(moved.address);
  await moved.stop();
  moved.defaultAdvertiseAddress = hostOf(freshAddress());
  const address = `${moved.defaultAdvertiseAddress}:${port}`;
  await moved.start();
  await eventually(() => {
    for (const daemon of all) {
      expect(daemon.raft.members().find((member) => member.nodeId === nodeId)).toEqual({ raftId, nodeId, address });
    }
  });
  await eventually(async () => {
    const { nodes = [] } = await first.control.ListNodes({});
    expect(nodes.map(({ managerStatus }) => managerStatus?.reachability)).toEqual(all.map(() => "REACHABLE"));
    expect(nodes.find(({ id }) => id === nodeId)?.managerStatus?.addr).toBe(address);
  });
});

test.each(["follower", "leader"])("a running copy of a %s's state does not take part, and says why", async (role) => {
  const [first, second, third] = [await daemons.running(), await daemons.running(), await daemons.running()];
  await first.init();
  await second.join(first, "manager");
  await third.join(first, "manager");
  await eventually(() => expect(third.raft.leadership.leaderId).toBe(first.raft.self.raftId));
  const copy = await daemons.copyOf(role === "leader" ? first : third);
  await copy.start();
  await eventually(() => expect(complaintOf(copy)).toContain("another daemon takes part as manager"));
  // The cluster does not notice.
  expect(first.raft.leadership.isLeader).toBe(true);
  for (const daemon of [first, second, third]) expect(daemon.membership.state).toEqual({ kind: "active" });
  const spec = { annotations: { name: "written" }, data: Buffer.from("x") };
  await third.control.CreateSecret({ spec });
  expect(first.raft.members()).toHaveLength(3);
});

test("of a worker and a running copy of its state one has the node's session, and the other says why not", async () => {
  const [manager, worker] = [await daemons.running(), await daemons.running()];
  await manager.init();
  await worker.join(manager, "worker");
  await eventually(async () => {
    expect((await manager.control.GetNode({ nodeId: worker.nodeId })).node?.status?.state).toBe("READY");
  });
  const copy = await daemons.copyOf(worker);
  await copy.start();
  await eventually(() => {
    const complaints = [complaintOf(worker), complaintOf(copy)];
    expect(complaints).toContainEqual(expect.stringContaining("another daemon is registered as node"));
    expect(complaints).toContain("active");
  });
});
