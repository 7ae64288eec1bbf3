import { minutes, seconds } from "@mswarm/runtime";
import { SimulatedClock } from "@mswarm/runtime/simulated";
import type { Node, Service, Task, TaskState } from "@mswarm/wire";
import { beforeEach, expect, test } from "vitest";
import { run, type TestRun, type TestSetting } from "../testing/test-context.ts";
import { jobProgress } from "./job-progress.ts";
import { serviceProgress } from "./progress-state.ts";

let clock: SimulatedClock;
let service: Service;
let tasks: Task[];
let abort: AbortController;
const nodes: Node[] = [
  { id: "n1", status: { state: "READY" }, description: { hostname: "one" } },
  { id: "n2", status: { state: "READY" }, description: { hostname: "two" } },
  { id: "n3", status: { state: "DOWN" }, description: { hostname: "three" } },
];

const setTasks = (next: Task[]): void => {
  tasks = next;
};
const setService = (next: Service): void => {
  service = next;
};

const task = (slot: number, state: TaskState, more: Partial<Task> = {}): Task => ({
  id: `t${slot}`,
  slot: String(slot),
  nodeId: "n1",
  desiredState: "RUNNING",
  status: { state },
  ...more,
});

beforeEach(() => {
  clock = new SimulatedClock();
  abort = new AbortController();
  service = {
    id: "s1",
    meta: { version: { index: "1" } },
    spec: { annotations: { name: "web" }, replicated: { replicas: "2" } },
  };
  tasks = [];
});

/** Runs a command whose service changes at given seconds, until it ends. */
async function follow(
  argv: string[],
  steps: [at: number, change: () => void][],
  more: TestSetting = {},
): Promise<TestRun> {
  for (const [at, change] of steps) clock.timer(seconds(at), change);
  const running = run(argv, {
    clock,
    signal: abort.signal,
    control: {
      CreateService: async () => ({ service }),
      UpdateService: async () => ({}),
      GetService: async () => ({ service }),
      ListTasks: async () => ({ tasks }),
      ListNodes: async () => ({ nodes }),
    },
    ...more,
  });
  await clock.advance(minutes(2));
  return await running;
}

test("create shows what changes and ends when the tasks have been stable for the monitoring time", async () => {
  const result = await follow(
    ["service", "create", "--replicas", "2", "bb:1"],
    [
      [1, () => setTasks([task(1, "PREPARING"), task(2, "NEW")])],
      [2, () => setTasks([task(1, "RUNNING"), task(2, "STARTING")])],
      [3, () => setTasks([task(1, "RUNNING"), task(2, "RUNNING")])],
    ],
  );
  expect(result.exitCode).toBe(0);
  expect(result.out.split("\n")).toEqual([
    "s1",
    "overall progress: 0 out of 2 tasks",
    "1/2:  ",
    "2/2:  ",
    "overall progress: 1 out of 2 tasks",
    "overall progress: 2 out of 2 tasks",
    ...[5, 4, 3, 2, 1].map((left) => `verify: Waiting ${left} seconds to verify that tasks are stable...`),
    "verify: Service s1 converged",
    "",
  ]);
});

test("a task that fails while it is watched starts the wait anew", async () => {
  const both = (): Task[] => [task(1, "RUNNING"), task(2, "RUNNING")];
  const result = await follow(
    ["service", "scale", "web=2"],
    [
      [1, () => setTasks(both())],
      [3, () => setTasks([task(1, "RUNNING"), task(2, "FAILED")])],
      [4, () => setTasks(both())],
    ],
  );
  expect(result.out).toContain("web scaled to 2\n");
  expect(result.out).toContain("verify: Detected task failure");
  expect(result.out.match(/Waiting 5 seconds/g)).toHaveLength(2);
});

test("a paused update is a failure with its reason", async () => {
  const message = "update paused due to failure or early termination of task t1";
  const result = await follow(
    ["service", "update", "--image", "bb:2", "web"],
    [[1, () => setService({ ...service, updateStatus: { state: "PAUSED", message } })]],
  );
  expect(result).toMatchObject({ exitCode: 1, err: `service update paused: ${message}\n` });
});

test("a rollback says so", async () => {
  service = { ...service, updateStatus: { state: "ROLLBACK_STARTED", message: "manually requested rollback" } };
  const result = await follow(
    ["service", "rollback", "web"],
    [[1, () => setTasks([task(1, "RUNNING"), task(2, "RUNNING")])]],
  );
  expect(result.out).toContain("rollback: manually requested rollback\n");
  expect(result.out).toContain("overall progress: rolling back update: 2 out of 2 tasks");
});

test("ctrl-c ends the wait, not the work", async () => {
  const result = await follow(["service", "create", "bb:1"], [[2, () => abort.abort()]]);
  expect(result).toMatchObject({ exitCode: 0, err: "Operation continuing in background.\n" });
});

test("--quiet waits without a word, --detach does not wait", async () => {
  const quiet = await follow(
    ["service", "create", "-q", "bb:1"],
    [[1, () => setTasks([task(1, "RUNNING"), task(2, "RUNNING")])]],
  );
  expect(quiet.out).toBe("s1\n");
  const detached = await run(["service", "create", "-d", "bb:1"], {
    control: { CreateService: async () => ({ service }) },
  });
  expect(detached.requests.map(([method]) => method)).toEqual(["CreateService"]);
});

test("a terminal sees one block of lines that is redrawn, with a bar for each slot", async () => {
  const result = await follow(
    ["service", "create", "bb:1"],
    [[1, () => setTasks([task(1, "RUNNING"), task(2, "RUNNING")])]],
    { isTerminal: true },
  );
  expect(result.out).toContain("\u001b[3A\u001b[2Koverall progress: 2 out of 2 tasks");
  expect(result.out).toContain(`1/2: running   [${"=".repeat(50)}] `);
});

test("tasks on nodes that are down do not count, and a replacement does", () => {
  const lost = task(2, "RUNNING", { nodeId: "n3" });
  expect(serviceProgress(service, [task(1, "RUNNING"), lost], nodes)).toMatchObject({ done: 1, isConverged: false });
  const stopping: Task = { ...lost, desiredState: "SHUTDOWN" };
  const replaced = [task(1, "RUNNING"), stopping, task(2, "RUNNING", { id: "t9", nodeId: "n2" })];
  expect(serviceProgress(service, replaced, nodes)).toMatchObject({ done: 2, isConverged: true });
});

test("a global service counts its nodes by name", () => {
  const global: Service = { ...service, spec: { global: {} } };
  const there = [
    task(0, "RUNNING", { nodeId: "n1" }),
    task(0, "STARTING", { nodeId: "n2" }),
    task(0, "RUNNING", { nodeId: "n3" }),
  ];
  const progress = serviceProgress(global, there, nodes);
  expect(progress).toMatchObject({ done: 1, total: 2, isConverged: false });
  expect(progress.slots.map(({ label }) => label)).toEqual(["one", "two"]);
  expect(serviceProgress(global, [], nodes).isConverged).toBe(false);
});

test("an error is shown in the place of the bar", () => {
  const failed = task(1, "FAILED", { status: { state: "FAILED", err: "No such image:\n bb:9" } });
  expect(serviceProgress(service, [failed], nodes).slots[0]).toEqual({
    label: "1/2",
    state: "No such image: bb:9",
    stage: undefined,
  });
});

const job: Service = {
  id: "j1",
  meta: { version: { index: "1" } },
  spec: { annotations: { name: "job" }, replicatedJob: { maxConcurrent: "2", totalCompletions: "3" } },
  jobStatus: { jobIteration: { index: "1" } },
};
const jobTask = (slot: number, state: TaskState, more: Partial<Task> = {}): Task =>
  task(slot, state, { desiredState: "COMPLETE", jobIteration: { index: "1" }, ...more });

test("a job is over when each of its tasks has done its work, and nothing is watched after that", async () => {
  service = job;
  const old = jobTask(0, "COMPLETE", { jobIteration: {} });
  const result = await follow(
    ["service", "update", "--force", "job"],
    [
      [0, () => setTasks([old])],
      [1, () => setTasks([old, jobTask(0, "RUNNING"), jobTask(1, "STARTING")])],
      [2, () => setTasks([jobTask(0, "COMPLETE"), jobTask(1, "COMPLETE"), jobTask(2, "RUNNING")])],
      [3, () => setTasks([0, 1, 2].map((slot) => jobTask(slot, "COMPLETE")))],
    ],
  );
  expect(result.out.split("\n")).toEqual([
    "job",
    "job progress: 0 out of 3 complete",
    "active tasks: 0 out of 2 tasks",
    "1/3:  ",
    "2/3:  ",
    "3/3:  ",
    "job progress: 2 out of 3 complete",
    "job progress: 3 out of 3 complete",
    "job complete",
    "",
  ]);
});

test("a failed task of a job counts again when its successor runs", () => {
  const failed = jobTask(0, "FAILED", { desiredState: "SHUTDOWN" });
  const progress = jobProgress(job, [failed, jobTask(0, "RUNNING", { id: "t9" }), jobTask(1, "COMPLETE")], nodes);
  expect(progress).toMatchObject({ done: 1, total: 3, active: { count: 1, limit: 2 }, isConverged: false });
});

test("a global job counts the nodes that it is done on", () => {
  const global: Service = { ...job, spec: { globalJob: {} } };
  const done = jobTask(0, "COMPLETE", { nodeId: "n1" });
  const two = [done, jobTask(0, "RUNNING", { nodeId: "n2" }), jobTask(0, "RUNNING", { nodeId: "n3" })];
  expect(jobProgress(global, two, nodes)).toMatchObject({ done: 1, total: 2, isConverged: false });
  expect(jobProgress(global, [done], nodes)).toMatchObject({ done: 1, total: 1, isConverged: true });
});
