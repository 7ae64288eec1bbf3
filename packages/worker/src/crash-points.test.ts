// The daemon dies at each of its calls to the engine, before or after the engine has done what was asked; the next
// daemon must bring the task to the same end, with one container and its secret.
import { unavailable } from "@mswarm/runtime";
import { expect, test } from "vitest";
import { MemoryTaskJournal } from "./tasks/memory-task-journal.ts";
import { assignedTask, WorkerScene } from "./testing/worker-scene.ts";

const secret = { id: "s1", spec: { data: Buffer.from("hunter2") } };
const task = assignedTask("t1", {
  secrets: [{ secretId: "s1", secretName: "password", file: { name: "password", mode: 0o444 } }],
  healthcheck: { test: ["CMD-SHELL", "exit 0"] },
});

/** Nothing of it lies on this node but the container. */
const plainTask = assignedTask("t1");

/** Calls that belong to the task; those of the session and of the event stream come and go by themselves. */
const taskCalls = new Set(["hasImage", "createContainer", "startContainer", "inspectContainer", "listContainers"]);

interface FaultOptions {
  readonly failsCall: boolean;
  readonly keepsJournal?: boolean;
  /** A task without secrets and health check. */
  readonly isPlain?: boolean;
}

/** Runs a task with a fault at its n-th call; false when it made fewer calls than that. */
async function runWithFault(
  n: number,
  fault: (scene: WorkerScene, daemon: { stop(): Promise<void> }) => Promise<void> | void,
  { failsCall, keepsJournal = true, isPlain = false }: FaultOptions,
): Promise<boolean> {
  const scene = new WorkerScene();
  const daemon = await scene.start();
  let calls = 0;
  let after: Promise<void> | undefined;
  scene.engine.faults.onCall = (operation) => {
    if (!taskCalls.has(operation)) return;
    calls += 1;
    if (calls !== n) return;
    after = Promise.resolve(fault(scene, daemon));
    if (failsCall) throw unavailable("socket hang up");
  };
  if (isPlain) scene.manager.assign({ task: plainTask });
  else scene.manager.assign({ secret }, { task });
  await scene.pass(2_000);
  const wasReached = after !== undefined;
  await after;
  await scene.pass(10_000);
  const where = `fault at call ${n}`;
  expect(scene.manager.lastStatus("t1")?.state, where).toBe("RUNNING");
  expect(scene.containerOf("t1").isRunning, where).toBe(true);
  expect(scene.containerOf("t1").spec.mounts, where).toHaveLength(isPlain ? 0 : 1);
  expect(scene.engine.containers, where).toHaveLength(1);
  // Without its journal a daemon wipes what it cannot account for; a container that runs keeps what it has bound.
  if (keepsJournal && !isPlain) expect(scene.secretMount.files.has("t1"), where).toBe(true);
  scene.manager.takeBack({ task: { id: "t1" } });
  await scene.pass(5_000);
  expect(scene.engine.containers, where).toEqual([]);
  expect(scene.secretMount.files.size, where).toBe(0);
  return wasReached;
}

/** The daemon dies on the spot: the next one finds the disk as it was at that moment. */
async function crash(scene: WorkerScene, daemon: { stop(): Promise<void> }): Promise<void> {
  const bytes = new Map(scene.journal.bytes);
  scene.engine.faults.onCall = undefined;
  const stopped = daemon.stop();
  scene.journal = new MemoryTaskJournal();
  for (const [id, entry] of bytes) scene.journal.bytes.set(id, entry);
  await stopped;
  await scene.start();
}

async function atEveryCall(
  fault: (scene: WorkerScene, daemon: { stop(): Promise<void> }) => Promise<void> | void,
  options: FaultOptions,
): Promise<void> {
  let n = 1;
  while (await runWithFault(n, fault, options)) n += 1;
  expect(n).toBeGreaterThan(options.isPlain === true ? 4 : 5);
}

test("a call that gets no answer is made good, whichever it is", () =>
  atEveryCall(() => undefined, { failsCall: true }));

test("a daemon that dies before a call leaves nothing undone", () => atEveryCall(crash, { failsCall: true }));

test("a daemon that dies after a call leaves nothing done twice", () => atEveryCall(crash, { failsCall: false }));

test.each([false, true])(
  "a daemon that dies with its journal unwritten finds everything by label (plain: %s)",
  (isPlain) =>
    atEveryCall(
      (scene, daemon) => {
        scene.journal.bytes.clear();
        return crash(scene, daemon);
      },
      { failsCall: false, keepsJournal: false, isPlain },
    ),
);

test("a plain task survives a call without an answer and a death at any call", async () => {
  await atEveryCall(() => undefined, { failsCall: true, isPlain: true });
  await atEveryCall(crash, { failsCall: true, isPlain: true });
  await atEveryCall(crash, { failsCall: false, isPlain: true });
});
