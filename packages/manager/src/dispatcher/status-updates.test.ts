import { milliseconds, seconds } from "@mswarm/runtime";
import type { TaskStatus } from "@mswarm/wire";
import { expect, test } from "vitest";
import { type Bench, callOf, dispatcherBench, managerId, openSession } from "./testing/dispatcher-bench.ts";

const worker = "w".repeat(25);

async function reporter(bench: Bench): Promise<(taskId: string, status: TaskStatus) => Promise<void>> {
  await bench.addNode(worker);
  await bench.addNode("other");
  await bench.lead();
  const { id } = await openSession(bench, worker);
  await bench.putTask({ id: "mine", nodeId: worker, status: { state: "ASSIGNED" } });
  await bench.putTask({ id: "theirs", nodeId: "other", status: { state: "ASSIGNED" } });
  return async (taskId, status) => {
    await bench.dispatcher.updateTaskStatus({ sessionId: id, updates: [{ taskId, status }] }, callOf(worker));
    await bench.clock.advance(milliseconds(10));
  };
}

test("a report is written with the manager that applied it and when", async () => {
  const bench = await dispatcherBench();
  const report = await reporter(bench);
  await report("mine", { state: "RUNNING", message: "started", appliedBy: "forged", container: { containerId: "c1" } });
  expect(bench.task("mine")?.status).toMatchObject({
    state: "RUNNING",
    message: "started",
    appliedBy: managerId,
    container: { containerId: "c1" },
  });
  expect(bench.task("mine")?.status?.appliedAt?.seconds).toBeDefined();
});

test("a state never goes back, and repeating a report writes nothing", async () => {
  const bench = await dispatcherBench();
  const report = await reporter(bench);
  await report("mine", { state: "RUNNING", message: "started" });
  const before = bench.store.version;
  await report("mine", { state: "STARTING" });
  await report("mine", { state: "RUNNING", message: "started" });
  expect(bench.store.version).toBe(before);
  expect(bench.task("mine")?.status?.state).toBe("RUNNING");
});

test("a report about another node's task refuses the whole call", async () => {
  const bench = await dispatcherBench();
  await reporter(bench);
  const { id } = await openSession(bench, worker);
  const updates = [
    { taskId: "mine", status: { state: "RUNNING" } as const },
    { taskId: "theirs", status: { state: "FAILED" } as const },
  ];
  await expect(bench.dispatcher.updateTaskStatus({ sessionId: id, updates }, callOf(worker))).rejects.toMatchObject({
    code: "PERMISSION_DENIED",
    message: "cannot update a task not assigned this node",
  });
  await bench.clock.advance(seconds(1));
  expect(bench.task("mine")?.status?.state).toBe("ASSIGNED");
  expect(bench.task("theirs")?.status?.state).toBe("ASSIGNED");
});

test("unknown tasks, reports without a status and states that are not a node's to set are passed over", async () => {
  const bench = await dispatcherBench();
  const report = await reporter(bench);
  await report("absent", { state: "RUNNING" });
  await report("mine", { state: "ORPHANED" });
  await report("mine", { state: "REMOVE" });
  const { id } = await openSession(bench, worker);
  await bench.dispatcher.updateTaskStatus({ sessionId: id, updates: [{ taskId: "mine" }] }, callOf(worker));
  await bench.clock.advance(seconds(1));
  expect(bench.task("mine")?.status).toEqual({ state: "ASSIGNED" });
});

test("a node cannot make the log grow by long texts", async () => {
  const bench = await dispatcherBench();
  const report = await reporter(bench);
  await report("mine", { state: "FAILED", err: "x".repeat(1_000_000) });
  expect(bench.task("mine")?.status?.err).toHaveLength(4_096);
  const ports = Array.from({ length: 20_000 }, () => ({ name: "port", targetPort: 80, publishedPort: 8_080 }));
  await report("mine", { state: "REJECTED", portStatus: { ports } });
  expect(bench.task("mine")?.status?.state).toBe("FAILED");
});

test("a node that reports without end is slowed to what the log can bear, and others are not", async () => {
  const bench = await dispatcherBench();
  const report = await reporter(bench);
  let written = 0;
  bench.store.watch(() => {
    written += 1;
  });
  for (let count = 0; count < 1_400; count += 1) {
    await report("mine", { state: "RUNNING", message: `${count} ${"x".repeat(4_000)}` });
  }
  // 14 s: 4 MiB at once and 512 KiB per second.
  expect(written).toBeLessThan((4_194_304 + 14 * 524_288) / 5_000);
  const other = await openSession(bench, "other");
  const theirs = [{ taskId: "theirs", status: { state: "RUNNING" } as const }];
  await bench.dispatcher.updateTaskStatus({ sessionId: other.id, updates: theirs }, callOf("other"));
  await bench.clock.advance(milliseconds(20));
  expect(bench.task("theirs")?.status?.state).toBe("RUNNING");
  // Nothing is lost: the last report arrives.
  await bench.clock.advance(seconds(5));
  expect(bench.task("mine")?.status?.message).toMatch(/^1399 /);
});

test("many reports of one moment share an entry of the log", async () => {
  const bench = await dispatcherBench();
  await reporter(bench);
  for (let slot = 0; slot < 150; slot += 1) {
    await bench.putTask({ id: `t${slot}`, nodeId: worker, status: { state: "ASSIGNED" } });
  }
  const { id } = await openSession(bench, worker);
  let commits = 0;
  bench.store.watch(() => {
    commits += 1;
  });
  for (let slot = 0; slot < 150; slot += 1) {
    const updates = [{ taskId: `t${slot}`, status: { state: "RUNNING" } as const }];
    await bench.dispatcher.updateTaskStatus({ sessionId: id, updates }, callOf(worker));
  }
  await bench.clock.advance(milliseconds(10));
  expect(bench.task("t149")?.status?.state).toBe("RUNNING");
  expect(commits).toBe(1);
});
