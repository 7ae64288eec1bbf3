// Init, join, leave and stop of a daemon, also all at once: real files, sockets and TLS on loopback, an engine in memory.
import { readdir } from "node:fs/promises";
import { seconds, systemClock } from "@mswarm/runtime";
import { afterEach, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { failureOf, freshAddress, never, TestDaemons } from "./node-daemon.ts";

const clock = systemClock();
const daemons = new TestDaemons();
afterEach(() => daemons.dispose());

test("a new cluster is there when init returns, and goes on after a restart", async () => {
  const made = await daemons.running();
  const nodeId = await made.init();
  expect(made.membership.state).toEqual({ kind: "active" });
  expect(await made.phase()).toBe("member");
  await made.stop();
  await made.start();
  await eventually(() => expect(made.isReady).toBe(true));
  expect(made.membership.credentials?.identity.nodeId).toBe(nodeId);
  expect(made.complaints).toEqual([]);
});

test("an init at an address in use names it and leaves nothing behind; the next one works", async () => {
  const made = await daemons.running();
  await daemons.silence(made.address);
  expect(await failureOf(made.init())).toBe(
    `FAILED_PRECONDITION: listen tcp ${made.address}: bind: address already in use; free it, or choose another with --listen-addr`,
  );
  await made.isUntouched();
  await daemons.endSilence();
  await made.init();
});

test("an init without an engine is refused before anything is written, also when the engine hangs", async () => {
  const made = await daemons.running();
  made.engine.goDown();
  expect(await failureOf(made.init())).toMatch(/^FAILED_PRECONDITION: no Docker Engine answers at unix:\/\//);
  await made.isUntouched();
});

test("only one of two inits at once makes a cluster", async () => {
  const made = await daemons.running();
  const both = await Promise.allSettled([made.init(), made.init()]);
  expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  expect(await failureOf(made.init())).toMatch(/^ALREADY_EXISTS: This node is already part of a swarm/);
});

test("a join whose manager says nothing ends with the daemon, at once and without a trace", async () => {
  const [manager, made] = [await daemons.running(), await daemons.running()];
  await manager.init();
  const { worker } = manager.joinTokens();
  const silent = freshAddress();
  await daemons.silence(silent);
  const joining = failureOf(
    made.membership.join({ joinToken: worker, remoteAddrs: [silent], listenAddr: made.address }, never),
  );
  await eventually(() => expect(made.membership.state.kind).toBe("pending"));
  const begun = clock.monotonic();
  await made.stop();
  expect(await joining).not.toBe("no failure");
  // A join tries on for a minute.
  expect(clock.monotonic() - begun).toBeLessThan(seconds(30));
  expect(await readdir(made.stateDirectory)).toEqual([]);
});

test("a join under way ends when the node is told to leave, or its client goes away", async () => {
  const [manager, made] = [await daemons.running(), await daemons.running()];
  await manager.init();
  const { worker } = manager.joinTokens();
  const silent = freshAddress();
  await daemons.silence(silent);
  const request = { joinToken: worker, remoteAddrs: [silent], listenAddr: made.address };
  const joining = failureOf(made.membership.join(request, never));
  await eventually(() => expect(made.membership.state.kind).toBe("pending"));
  await made.membership.leave(false);
  expect(await joining).toContain("leave");
  await made.isUntouched();

  const client = new AbortController();
  const again = failureOf(made.membership.join(request, client.signal));
  await eventually(() => expect(made.membership.state.kind).toBe("pending"));
  client.abort();
  expect(await again).not.toBe("no failure");
  await made.isUntouched();
  await made.join(manager, "worker");
  expect(made.membership.state).toEqual({ kind: "active" });
});

test("whoever made a cluster, or joined one, finds the node under its name and ready, at once", async () => {
  const [manager, worker] = [await daemons.running(), await daemons.running()];
  const states = async (): Promise<readonly unknown[]> => {
    const { nodes = [] } = await manager.control.ListNodes({});
    return nodes.map(({ id, description, status }) => [id, description?.hostname !== undefined, status?.state]);
  };
  const managerId = await manager.init();
  expect(await states()).toEqual([[managerId, true, "READY"]]);
  const { nodeId } = await worker.join(manager, "worker");
  expect(await states()).toContainEqual([nodeId, true, "READY"]);
});

test("a manager stops quickly although its quorum is gone, and a lone leader with work in flight too", async () => {
  const [first, second] = [await daemons.running(), await daemons.running()];
  await first.init();
  await second.join(first, "manager");
  await second.stop();
  const begun = clock.monotonic();
  await first.stop();
  expect(clock.monotonic() - begun).toBeLessThan(seconds(30));
});

test("an engine that hangs does not keep the status waiting", async () => {
  const made = await daemons.running();
  made.engine.faults.hang("ping");
  const begun = clock.monotonic();
  expect(await made.membership.engineAnswers()).toBe(false);
  expect(clock.monotonic() - begun).toBeLessThan(seconds(30));
});

test("a manager that leaves by force is missed in no quorum: of three, and of the two that are left, the leader too", async () => {
  const [first, second, third] = [await daemons.running(), await daemons.running(), await daemons.running()];
  await first.init();
  await second.join(first, "manager");
  await third.join(first, "manager");
  expect(await failureOf(third.membership.leave(false))).toContain("participating as a manager");
  // A follower among three, then whoever leads of the two.
  await third.membership.leave(true);
  await third.isUntouched();
  await eventually(() => expect(first.raft.members()).toHaveLength(2));
  await eventually(() => expect(second.raft.members()).toHaveLength(2));
  const [leader, other] = first.raft.leadership.isLeader ? [first, second] : [second, first];
  await leader.membership.leave(true);
  await leader.isUntouched();
  await eventually(() => expect(other.raft.leadership.isLeader).toBe(true));
  await eventually(() => expect(other.raft.members()).toHaveLength(1));
});

test("a manager's join that fails after its certificate leaves no node behind in the cluster", async () => {
  const [first, second] = [await daemons.running(), await daemons.running()];
  await first.init();
  const advertiseAddr = freshAddress();
  // The cluster cannot reach the new manager under the address that it gives.
  await daemons.silence(advertiseAddr);
  const joinToken = first.joinTokens().manager;
  const request = { listenAddr: second.address, advertiseAddr, joinToken, remoteAddrs: [first.address] };
  const client = new AbortController();
  const joining = failureOf(second.membership.join(request, client.signal));
  await eventually(async () => expect((await first.control.ListNodes({})).nodes).toHaveLength(2));
  await eventually(() => expect(second.membership.node?.hindrance).toContain("could not connect"));
  client.abort();
  expect(await joining).toContain("could not connect to prospective new cluster member");
  await second.isUntouched();
  const { nodes = [] } = await first.control.ListNodes({});
  expect(nodes.map(({ id }) => id)).toEqual([first.nodeId]);
  expect(first.raft.members()).toHaveLength(1);
});

test("a join that nobody can take back goes on by itself until the node is a manager", async () => {
  const [first, second] = [await daemons.running(), await daemons.running()];
  await first.init();
  const advertiseAddr = freshAddress();
  // The cluster cannot reach the new manager, and then nobody is there to ask whether it was admitted.
  await daemons.silence(advertiseAddr);
  const joining = failureOf(
    second.membership.join(
      {
        listenAddr: second.address,
        advertiseAddr,
        joinToken: first.joinTokens().manager,
        remoteAddrs: [first.address],
      },
      never,
    ),
  );
  await eventually(() => expect(second.membership.node).toBeDefined());
  await first.stop();
  expect(await joining).toMatch(/^UNAVAILABLE: Timeout was reached before node joined\. .* in the background/);
  expect(second.membership.state.kind).not.toBe("inactive");
  expect(await second.phase()).toBe("joining");

  // It goes on after a restart too, and leaves no second trace of itself.
  await second.restart();
  await daemons.endSilence();
  await daemons.relay(advertiseAddr, second.address);
  await first.start();
  await eventually(() => expect(second.membership.state).toEqual({ kind: "active" }));
  expect(await second.phase()).toBe("member");
  await eventually(() => expect(first.raft.members()).toHaveLength(2));
});
