import { milliseconds } from "@mswarm/runtime";
import { configs, secrets, tasks } from "@mswarm/store";
import type { AssignmentsMessage, Task, TaskState } from "@mswarm/wire";
import { expect, test } from "vitest";
import { type Bench, callOf, dispatcherBench, openSession } from "./testing/dispatcher-bench.ts";

const worker = "w".repeat(25);

/** What the changes of a message say, in a form that can be compared. */
const said = (message: AssignmentsMessage): string[] =>
  (message.changes ?? []).map(({ assignment, action }) => {
    const kind = assignment?.task ? "task" : assignment?.secret ? "secret" : "config";
    return `${action} ${kind} ${(assignment?.task ?? assignment?.secret ?? assignment?.config)?.id}`;
  });

const taskOf = (id: string, state: TaskState, change: Partial<Task> = {}): Task => ({
  id,
  nodeId: worker,
  desiredState: "RUNNING",
  status: { state },
  spec: { container: { image: "nginx", secrets: [{ secretId: "s1" }] } },
  ...change,
});

async function opened(bench: Bench): Promise<{ next: () => Promise<AssignmentsMessage>; sessionId: string }> {
  await bench.addNode(worker);
  await bench.addNode("elsewhere");
  for (const id of ["s1", "s2"]) await bench.addSecret(id);
  await bench.lead();
  const { id } = await openSession(bench, worker);
  const stream = bench.dispatcher.assignments({ sessionId: id }, callOf(worker));
  return {
    sessionId: id,
    next: async () => {
      const next = stream.next();
      await bench.clock.advance(milliseconds(5));
      return (await next).value;
    },
  };
}

test("the first message is complete, also when there is nothing, and later ones are numbered differences", async () => {
  const bench = await dispatcherBench();
  const { next } = await opened(bench);
  expect(await next()).toEqual({ type: "COMPLETE", resultsIn: "1", changes: [] });
  await bench.putTask(taskOf("t1", "ASSIGNED"));
  const second = await next();
  expect(second).toMatchObject({ type: "INCREMENTAL", appliesTo: "1", resultsIn: "2" });
  expect(said(second)).toEqual(["UPDATE secret s1", "UPDATE task t1"]);
  expect(second.changes?.[0]?.assignment?.secret?.spec?.data?.toString()).toBe("data s1");
  await bench.putTask(taskOf("t2", "ASSIGNED"));
  const third = await next();
  expect(third).toMatchObject({ appliesTo: "2", resultsIn: "3" });
  expect(said(third)).toEqual(["UPDATE task t2"]);
});

test("what a node reports about a task does not come back to it, a new desired state does", async () => {
  const bench = await dispatcherBench();
  const { next } = await opened(bench);
  await next();
  await bench.putTask(taskOf("t1", "ASSIGNED"));
  await next();
  await bench.setState("t1", "RUNNING");
  await bench.store.update((tx) => tx.update(tasks, { ...tx.get(tasks, "t1"), desiredState: "SHUTDOWN" }));
  const message = await next();
  expect(message).toMatchObject({ appliesTo: "2", resultsIn: "3" });
  expect(message.changes?.[0]?.assignment?.task?.desiredState).toBe("SHUTDOWN");
});

test("a secret goes with the last task that needs it: past RUNNING it is withdrawn, the task stays", async () => {
  const bench = await dispatcherBench();
  const { next } = await opened(bench);
  await next();
  await bench.putTask(taskOf("t1", "ASSIGNED"));
  await bench.putTask(taskOf("t2", "ASSIGNED"));
  await next();
  await bench.setState("t1", "FAILED");
  await bench.setState("t2", "SHUTDOWN");
  expect(said(await next())).toEqual(["REMOVE secret s1"]);
  await bench.store.update((tx) => tx.remove(tasks, "t1"));
  const last = await next();
  expect(last.changes).toEqual([{ assignment: { task: { id: "t1" } }, action: "REMOVE" }]);
});

test("configs and resource references travel like secrets", async () => {
  const bench = await dispatcherBench();
  const { next } = await opened(bench);
  await next();
  await bench.store.update((tx) => tx.create(configs, { id: "c1", spec: { annotations: { name: "conf" } } }));
  const spec = {
    container: { configs: [{ configId: "c1" }] },
    resourceReferences: [{ resourceId: "s2", resourceType: "SECRET" }] as const,
  };
  await bench.putTask(
    taskOf("t1", "ASSIGNED", { spec: { ...spec, resourceReferences: [...spec.resourceReferences] } }),
  );
  expect(said(await next())).toEqual(["UPDATE secret s2", "UPDATE config c1", "UPDATE task t1"]);
});

test("tasks of other nodes, tasks that are not assigned yet, and their secrets are not sent", async () => {
  const bench = await dispatcherBench();
  const { next } = await opened(bench);
  await next();
  await bench.putTask(taskOf("t1", "ASSIGNED", { nodeId: "elsewhere" }));
  await bench.putTask(taskOf("t2", "PENDING"));
  await bench.putTask(taskOf("t3", "ASSIGNED", { spec: { container: {} } }));
  expect(said(await next())).toEqual(["UPDATE task t3"]);
});

test("a missing secret, or one that needs a driver, is left out and the task is sent", async () => {
  const bench = await dispatcherBench();
  const { next } = await opened(bench);
  await next();
  await bench.store.update((tx) =>
    tx.create(secrets, { id: "driven", spec: { annotations: { name: "driven" }, driver: { name: "vault" } } }),
  );
  const spec = { container: { secrets: [{ secretId: "absent" }, { secretId: "driven" }] } };
  await bench.putTask(taskOf("t1", "ASSIGNED", { spec }));
  expect(said(await next())).toEqual(["UPDATE task t1"]);
});

test("opening assignments again gives everything again and ends the stream before", async () => {
  const bench = await dispatcherBench();
  await bench.addNode(worker);
  await bench.lead();
  const { id } = await openSession(bench, worker);
  await bench.putTask(taskOf("t1", "RUNNING", { spec: {} }));
  const first = bench.dispatcher.assignments({ sessionId: id }, callOf(worker));
  await first.next();
  const again = bench.dispatcher.assignments({ sessionId: id }, callOf(worker));
  expect(said((await again.next()).value)).toEqual(["UPDATE task t1"]);
  await expect(first.next()).rejects.toMatchObject({ code: "ABORTED" });
});

test("the assignments of another node's session cannot be opened", async () => {
  const bench = await dispatcherBench();
  const { sessionId } = await opened(bench);
  const stolen = bench.dispatcher.assignments({ sessionId }, callOf("elsewhere"));
  await expect(stolen.next()).rejects.toMatchObject({ code: "NOT_FOUND", message: "node not registered" });
  await openSession(bench, "elsewhere");
  const again = bench.dispatcher.assignments({ sessionId }, callOf("elsewhere"));
  await expect(again.next()).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message: "session invalid" });
});

test("the old Tasks stream gives the whole list each time, and no secrets", async () => {
  const bench = await dispatcherBench();
  const { sessionId } = await opened(bench);
  await bench.putTask(taskOf("t1", "RUNNING"));
  const stream = bench.dispatcher.taskLists({ sessionId }, callOf(worker));
  expect((await stream.next()).value?.tasks).toMatchObject([{ id: "t1" }]);
  const next = stream.next();
  await bench.putTask(taskOf("t2", "ASSIGNED"));
  await bench.clock.advance(milliseconds(5));
  expect((await next).value?.tasks?.map((task: Task) => task.id).sort()).toEqual(["t1", "t2"]);
});
