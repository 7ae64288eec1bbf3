import { nodes, services, tasks } from "@mswarm/store";
import type { mswarm, Node, Service, Task, TaskState } from "@mswarm/wire";
import { beforeEach, expect, test } from "vitest";
import { explainPlacement } from "../scheduler/explanation.ts";
import { explain } from "./explain.ts";
import { type ControlFixture, controlFixture } from "./testing/control-fixture.ts";

let fixture: ControlFixture;

const gib = (count: number): string => String(count * 2 ** 30);

beforeEach(async () => {
  fixture = controlFixture();
  const node = (id: string, more: Partial<Node> = {}): Promise<Node> =>
    fixture.put(nodes, {
      id,
      spec: { availability: "ACTIVE", annotations: { labels: {} } },
      status: { state: "READY" },
      description: { hostname: `host-${id}`, resources: { nanoCpus: "2000000000", memoryBytes: gib(4) } },
      ...more,
    });
  await node("1");
  await node("2", { spec: { availability: "DRAIN" } });
  await node("3", { status: { state: "DOWN", message: "heartbeat failure" } });
});

const service = (spec: Service["spec"], more: Partial<Service> = {}): Promise<Service> =>
  fixture.put(services, {
    id: "s",
    spec: { annotations: { name: "web" }, replicated: { replicas: "2" }, ...spec },
    ...more,
  });

const task = (id: string, more: Partial<Task> = {}): Promise<Task> =>
  fixture.put(tasks, {
    id,
    serviceId: "s",
    slot: id,
    serviceAnnotations: { name: "web" },
    status: { state: "PENDING", err: "no suitable node" },
    desiredState: "RUNNING",
    ...more,
  });

const ask = (request: mswarm.ExplainRequest): Promise<mswarm.ExplainResponse> =>
  explain({ store: fixture.store, explainPlacement }, request);

const refusals = (node: mswarm.NodeExplanation | undefined): readonly string[] =>
  (node?.verdicts ?? [])
    .filter(({ outcome }) => outcome === "REFUSED")
    .map(({ filter, reason }) => `${filter}: ${reason}`);

test("a task that no node takes is explained filter by filter, those nodes first that lack least", async () => {
  await service({});
  const spec: Task["spec"] = {
    placement: { constraints: ["node.labels.disk == ssd"] },
    resources: { reservations: { nanoCpus: "1000000000", memoryBytes: gib(8) } },
  };
  await task("1", { spec });
  await task("2", { spec });
  const { summary, tasks: explained = [] } = await ask({ serviceId: "s" });
  expect(summary).toBe("0 of its 2 wanted tasks run, 2 wait");
  // One explanation for both tasks.
  expect(explained.map(({ names }) => names)).toEqual([["web.1", "web.2"]]);
  const [{ nodes: asked = [], remedies = [] } = {}] = explained;
  expect(asked.map(({ hostname }) => hostname)).toEqual(["host-1", "host-2", "host-3"]);
  const memory = "resources: 8192MiB of memory wanted, 4096MiB of 4096MiB free";
  const label = "constraints: node.labels.disk==ssd does not hold: the label is not set";
  expect(refusals(asked[0])).toEqual([memory, label]);
  expect(refusals(asked[1])).toEqual(["ready: its availability is drain", memory, label]);
  expect(refusals(asked[2])[0]).toBe("ready: it is down (heartbeat failure)");
  expect(asked[0]?.verdicts?.find(({ filter }) => filter === "platform")?.outcome ?? "NOT_ASKED").toBe("NOT_ASKED");
  expect(remedies[0]).toContain("mswarm node update --label-add disk=ssd host-1");
  expect(remedies[0]).toContain("--reserve-memory 4096m web");
});

test("what one command would cure is said as that command", async () => {
  await service({});
  await task("1", { spec: { placement: { constraints: ["node.labels.zone==a"] } } });
  const label = (await ask({ taskId: "1" })).tasks?.[0]?.remedies ?? [];
  expect(label[0]).toBe("mswarm node update --label-add zone=a host-1");
  await task("2", { spec: { placement: { constraints: ["node.hostname!=host-1"] } } });
  const { remedies = [] } = (await ask({ taskId: "2" })).tasks?.[0] ?? {};
  expect(remedies).toContain("mswarm node update --availability active host-2");
  expect(remedies).toContain("mswarm service update --constraint-rm 'node.hostname!=host-1' web");
});

test("ports, replicas, platform, plugins and generic resources have words of their own", async () => {
  await service({});
  const endpoint = { ports: [{ publishMode: "HOST" as const, publishedPort: 8080, protocol: "TCP" as const }] };
  await task("9", { nodeId: "1", status: { state: "RUNNING" }, endpoint });
  const reasonsOf = async (id: string, more: Partial<Task>): Promise<readonly string[]> => {
    await task(id, more);
    const { nodes: asked = [] } = (await ask({ taskId: id })).tasks?.[0] ?? {};
    return refusals(asked.find(({ nodeId }) => nodeId === "1"));
  };
  expect(await reasonsOf("1", { endpoint })).toEqual(["ports: another task publishes 8080/tcp there"]);
  expect(await reasonsOf("2", { spec: { placement: { maxReplicas: "1" } } })).toEqual([
    "replicas: it has 1 tasks of the service, and 1 is the limit",
  ]);
  const platforms = [{ os: "linux", architecture: "arm64" }];
  expect(await reasonsOf("3", { spec: { placement: { platforms } } })).toEqual([
    "platform: the image is there for linux/arm64, the node is not known",
  ]);
  const generic = [{ discreteResourceSpec: { kind: "gpu", value: "1" } }];
  expect(await reasonsOf("4", { spec: { resources: { reservations: { generic } } } })).toEqual([
    "resources: not enough of gpu free",
  ]);
});

test("a task that some node takes now needs no remedy", async () => {
  await service({});
  await task("1");
  const { nodes: asked = [], remedies } = (await ask({ taskId: "1" })).tasks?.[0] ?? {};
  expect(refusals(asked[0])).toEqual([]);
  expect(remedies).toEqual([]);
});

test("what does not wait for a node says what it does instead", async () => {
  await service({});
  const reason = async (id: string, more: Partial<Task>): Promise<string | undefined> => {
    await task(id, more);
    return (await ask({ taskId: id })).tasks?.[0]?.reason;
  };
  const on = (state: TaskState, err = ""): Partial<Task> => ({
    nodeId: "1",
    status: { state, err },
  });
  expect(await reason("1", on("RUNNING"))).toBe("it runs on host-1");
  expect(await reason("2", on("PREPARING", "registry is away"))).toBe("host-1 is working on it: registry is away");
  expect(await reason("3", { ...on("READY"), desiredState: "READY" })).toContain("waits for the restart delay");
  expect(await reason("4", { status: { state: "NEW", err: "network n not found" } })).toBe("network n not found");
  const ended = { ...on("FAILED", "task: non-zero exit (1)"), desiredState: "SHUTDOWN" } as const;
  expect(await reason("5", { ...ended, spec: { restart: { condition: "NONE" } } })).toBe(
    "it ended as failed: task: non-zero exit (1); the restart condition is none",
  );
  expect(await reason("6", { ...ended, spec: { restart: { condition: "ANY", maxAttempts: "3" } } })).toContain(
    "the 3 restarts it may have are used up",
  );
});

test("a service tells of itself what no task can", async () => {
  await service({ replicated: { replicas: "0" } });
  expect((await ask({ serviceId: "s" })).summary).toBe("the service wants no tasks: it has 0 replicas");
  const message = "update paused due to failure or early termination of task t";
  const paused = { id: "p", spec: { annotations: { name: "p" }, replicated: { replicas: "1" } } };
  await fixture.put(services, { ...paused, updateStatus: { state: "PAUSED", message } });
  expect((await ask({ serviceId: "p" })).summary).toContain(message);
});

test("a global service names the nodes that have no task of it, and why", async () => {
  const { replicated: _none, ...spec } = { replicated: undefined, global: {} };
  await fixture.put(services, { id: "g", spec: { annotations: { name: "agent" }, ...spec } });
  const { tasks: explained = [] } = await ask({ serviceId: "g" });
  const [{ nodes: without = [], reason } = {}] = explained;
  expect(reason).toBe("2 nodes have no task of it");
  expect(without.map(({ hostname }) => hostname)).toEqual(["host-2", "host-3"]);
});

test("exactly one thing is explained, and it has to exist", async () => {
  await expect(ask({})).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  await expect(ask({ serviceId: "a", taskId: "b" })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  await expect(ask({ serviceId: "a" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(ask({ taskId: "b" })).rejects.toMatchObject({ code: "NOT_FOUND" });
});
