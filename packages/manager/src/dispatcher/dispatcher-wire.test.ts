// The dispatcher behind real mutual TLS, as an agent sees it.
import { bindService } from "@mswarm/rpc";
import { startLoopback, testClusterId, testWorker } from "@mswarm/rpc/testing";
import { milliseconds } from "@mswarm/runtime";
import type { AssignmentsMessage } from "@mswarm/wire";
import { afterEach, expect, test } from "vitest";
import { dispatcherPolicy, dispatcherService } from "./dispatcher-service.ts";
import { type Bench, dispatcherBench } from "./testing/dispatcher-bench.ts";

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

async function served(bench: Bench) {
  const service = bindService("docker.swarmkit.v1.Dispatcher", dispatcherService(bench.dispatcher), dispatcherPolicy);
  const loopback = await startLoopback({ services: [service] });
  open.push(() => loopback.close());
  return {
    as: async (nodeId: string) => (await loopback.channel(testWorker(nodeId))).client("docker.swarmkit.v1.Dispatcher"),
    stranger: async () => (await loopback.channel(undefined)).client("docker.swarmkit.v1.Dispatcher"),
    foreigner: async () =>
      (await loopback.channel({ nodeId: "w1", role: "swarm-worker", clusterId: `${testClusterId}x` })).client(
        "docker.swarmkit.v1.Dispatcher",
      ),
  };
}

async function first<T>(stream: AsyncIterable<T>): Promise<{ value: T; next: () => Promise<IteratorResult<T>> }> {
  const iterator = stream[Symbol.asyncIterator]();
  const result = await iterator.next();
  if (result.done === true) throw new TypeError("the stream ended");
  return { value: result.value, next: () => iterator.next() };
}

test("an agent gets its session, its heartbeat and its tasks with their secrets, and says farewell", async () => {
  const bench = await dispatcherBench();
  const { as } = await served(bench);
  await bench.addNode("w1");
  await bench.addSecret("s1");
  const stop = await bench.lead();
  const agent = await as("w1");

  const session = await first(agent.Session({ description: { hostname: "w1" } }));
  const sessionId = session.value.sessionId ?? "";
  expect(session.value.managers?.[0]?.peer?.addr).toBe("10.0.0.1:2377");
  expect(session.value.node?.status).toMatchObject({ state: "READY", addr: "127.0.0.1" });
  expect(Number((await agent.Heartbeat({ sessionId })).period?.seconds)).toBeGreaterThanOrEqual(4);

  const assignments = await first<AssignmentsMessage>(agent.Assignments({ sessionId }));
  expect(assignments.value).toEqual({ type: "COMPLETE", resultsIn: "1" });
  const container = { image: "nginx", secrets: [{ secretId: "s1", secretName: "secret-s1" }] };
  await bench.putTask({ id: "t1", nodeId: "w1", status: { state: "ASSIGNED" }, spec: { container } });
  const next = assignments.next();
  await bench.clock.advance(milliseconds(5));
  const { value } = await next;
  expect(value).toMatchObject({ type: "INCREMENTAL", appliesTo: "1", resultsIn: "2" });
  expect(value.changes[0].assignment.secret.spec.data.toString()).toBe("data s1");
  expect(value.changes[1].assignment.task).toMatchObject({ id: "t1", spec: { container: { image: "nginx" } } });

  await agent.UpdateTaskStatus({ sessionId, updates: [{ taskId: "t1", status: { state: "RUNNING" } }] });
  await bench.clock.advance(milliseconds(10));
  expect(bench.task("t1")?.status?.state).toBe("RUNNING");

  const last = session.next();
  await stop();
  expect((await last).value.node.status.state).toBe("DISCONNECTED");
  await expect(session.next()).rejects.toMatchObject({ code: "ABORTED", message: "node must disconnect" });
});

test("nobody without a certificate of this cluster, and nobody under another's session, gets through", async () => {
  const bench = await dispatcherBench();
  const { as, stranger, foreigner } = await served(bench);
  await bench.addNode("w1");
  await bench.addNode("w2");
  await bench.lead();
  const session = await first((await as("w1")).Session({}));
  const sessionId = session.value.sessionId ?? "";
  for (const client of [await stranger(), await foreigner()]) {
    await expect(client.Heartbeat({ sessionId })).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
    await expect(first(client.Assignments({ sessionId }))).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
  }
  const other = await as("w2");
  await expect(first(other.Assignments({ sessionId }))).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(other.UpdateVolumeStatus({})).rejects.toMatchObject({ code: "UNIMPLEMENTED" });
});
