import type { Instant } from "@mswarm/runtime";
import { SeededRandom } from "@mswarm/runtime/simulated";
import { nodes as nodeTable, tasks as taskTable } from "@mswarm/store";
import { leadingStore } from "@mswarm/store/testing";
import type { Node, Task, TaskSpec } from "@mswarm/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ClusterView } from "./cluster-view.ts";
import { type Decision, decide } from "./placement.ts";

const now = 1_000_000 as Instant;

const ready = (id: string, labels: Record<string, string> = {}, node: Partial<Node> = {}): Node => ({
  id,
  spec: { annotations: { labels } },
  status: { state: "READY" },
  description: { hostname: id, resources: { nanoCpus: "4000000000", memoryBytes: "1000" } },
  ...node,
});

const pending = (id: string, spec: TaskSpec = {}, task: Partial<Task> = {}): Task => ({
  id,
  serviceId: "web",
  spec,
  specVersion: {},
  status: { state: "PENDING" },
  desiredState: "RUNNING",
  ...task,
});

const running = (id: string, nodeId: string, spec: TaskSpec = {}, task: Partial<Task> = {}): Task =>
  pending(id, spec, { nodeId, status: { state: "RUNNING" }, ...task });

function viewOf(nodes: readonly Node[], tasks: readonly Task[]): ClusterView {
  const view = new ClusterView();
  for (const node of nodes) view.setNode(node);
  for (const task of tasks) view.setTask(task);
  return view;
}

const decideOn = (nodes: readonly Node[], tasks: readonly Task[]): readonly Decision[] => {
  const view = viewOf(nodes, tasks);
  return decide(view, view.takeWork(), now);
};

/** Number of tasks placed on each node. */
function placed(decisions: readonly Decision[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const decision of decisions) {
    if (decision.kind === "place") counts[decision.nodeId] = (counts[decision.nodeId] ?? 0) + 1;
  }
  return counts;
}

const many = (count: number, spec: TaskSpec = {}, task: Partial<Task> = {}): Task[] =>
  Array.from({ length: count }, (_, index) => pending(`t${index}`, spec, task));

const errOf = (decisions: readonly Decision[]): string | undefined =>
  decisions.flatMap((decision) => (decision.kind === "explain" ? [decision.err] : []))[0];

describe("spreading", () => {
  test("fills nodes up to the level of the others, then in turn", () => {
    const before = [running("a1", "n1"), running("a2", "n1"), running("a3", "n2")];
    expect(placed(decideOn([ready("n1"), ready("n2"), ready("n3")], [...before, ...many(6)]))).toEqual({
      n1: 1,
      n2: 2,
      n3: 3,
    });
  });

  test("between nodes with equally many tasks of the service the total decides", () => {
    const other = running("o", "n1", {}, { serviceId: "other" });
    expect(placed(decideOn([ready("n1"), ready("n2")], [other, ...many(1)]))).toEqual({ n2: 1 });
  });

  test("a task that is being shut down does not count for the spread but for the resources", () => {
    const reserve = { resources: { reservations: { memoryBytes: "600" } } };
    const leaving = running("old", "n1", reserve, { desiredState: "SHUTDOWN" });
    expect(placed(decideOn([ready("n1"), ready("n2")], [leaving, ...many(2, reserve)]))).toEqual({ n2: 1 });
  });

  test("tasks are divided evenly over the values of a preference, also over the missing one", () => {
    const placement = { preferences: [{ spread: { spreadDescriptor: "node.labels.zone" } }] };
    const nodes = [
      ready("a1", { zone: "a" }),
      ready("a2", { zone: "a" }),
      ready("a3", { zone: "a" }),
      ready("b1", { zone: "b" }),
      ready("x1"),
    ];
    expect(placed(decideOn(nodes, many(9, { placement })))).toEqual({ a1: 1, a2: 1, a3: 1, b1: 3, x1: 3 });
  });

  test("a branch that is full gives its share to the others", () => {
    const placement = { preferences: [{ spread: { spreadDescriptor: "node.labels.zone" } }], maxReplicas: "2" };
    const nodes = [ready("a1", { zone: "a" }), ready("b1", { zone: "b" }), ready("b2", { zone: "b" })];
    expect(placed(decideOn(nodes, many(6, { placement })))).toEqual({ a1: 2, b1: 2, b2: 2 });
  });

  test("a node where the service fails again and again comes last", () => {
    const view = viewOf([ready("n1"), ready("n2")], many(3));
    for (let count = 0; count < 5; count += 1) view.node("n1")?.recordFailure("web/0", now);
    expect(placed(decide(view, view.takeWork(), now))).toEqual({ n2: 3 });
    const later = viewOf([ready("n1"), ready("n2")], many(3));
    for (let count = 0; count < 5; count += 1) later.node("n1")?.recordFailure("web/0", (now - 400_000) as Instant);
    expect(placed(decide(later, later.takeWork(), now))).toEqual({ n1: 2, n2: 1 });
  });
});

describe("filters and their explanations", () => {
  test("the most frequent reason comes first", () => {
    const nodes = [
      ready("n1", {}, { spec: { availability: "DRAIN" } }),
      ready("n2"),
      ready("n3"),
      ready("n4", { zone: "a" }, { description: { resources: { memoryBytes: "10" } } }),
    ];
    const spec = {
      placement: { constraints: ["node.labels.zone==a"] },
      resources: { reservations: { memoryBytes: "600" } },
    };
    expect(errOf(decideOn(nodes, many(1, spec)))).toBe(
      "no suitable node (scheduling constraints not satisfied on 2 nodes; 1 node not available for new tasks; insufficient resources on 1 node)",
    );
  });

  test("without any node there is nothing to explain", () => {
    expect(errOf(decideOn([], many(1)))).toBe("no suitable node");
  });

  test("what fits is placed, the rest is explained", () => {
    const decisions = decideOn([ready("n1")], many(3, { resources: { reservations: { nanoCpus: "2000000000" } } }));
    expect(placed(decisions)).toEqual({ n1: 2 });
    expect(errOf(decisions)).toBe("no suitable node (insufficient resources on 1 node)");
  });

  test("a host port is taken once per node and protocol", () => {
    const endpoint = (protocol: "TCP" | "UDP"): Partial<Task> => ({
      endpoint: { ports: [{ protocol, publishedPort: 80, publishMode: "HOST" }] },
    });
    const other = running("dns", "n1", {}, { serviceId: "dns", ...endpoint("UDP") });
    const decisions = decideOn([ready("n1"), ready("n2")], [other, ...many(3, {}, endpoint("TCP"))]);
    expect(placed(decisions)).toEqual({ n1: 1, n2: 1 });
    expect(errOf(decisions)).toBe("no suitable node (host-mode port already in use on 2 nodes)");
  });

  test("max replicas per node", () => {
    const decisions = decideOn([ready("n1")], many(2, { placement: { maxReplicas: "1" } }));
    expect(placed(decisions)).toEqual({ n1: 1 });
    expect(errOf(decisions)).toBe("no suitable node (max replicas per node limit exceed)");
  });

  test("platforms know both names of an architecture; an unknown platform passes nothing", () => {
    const nodes = [
      ready("arm", {}, { description: { platform: { os: "linux", architecture: "aarch64" } } }),
      ready("silent"),
      ready("amd", {}, { description: { platform: { os: "linux", architecture: "x86_64" } } }),
    ];
    const spec = { placement: { platforms: [{ os: "linux", architecture: "amd64" }] } };
    expect(placed(decideOn(nodes, many(2, spec)))).toEqual({ amd: 2 });
  });

  test("volume, network and log drivers must be there, a node without engine passes", () => {
    const spec: TaskSpec = {
      container: { mounts: [{ type: "VOLUME", volumeOptions: { driverConfig: { name: "nfs" } } }] },
      logDriver: { name: "fluentd" },
    };
    const engine = (plugins: { type: string; name: string }[]): Partial<Node> => ({
      description: { engine: { plugins } },
    });
    const nodes = [
      ready("nothing", {}, engine([])),
      ready(
        "no-log",
        {},
        engine([
          { type: "Volume", name: "nfs:latest" },
          { type: "Log", name: "json-file" },
        ]),
      ),
      ready("old", {}, engine([{ type: "Volume", name: "nfs" }])),
    ];
    expect(placed(decideOn(nodes, many(2, spec)))).toEqual({ old: 2 });
  });

  test("generic resources: counted ones are subtracted, named ones are chosen", () => {
    const generic = [
      { namedResourceSpec: { kind: "gpu", value: "g1" } },
      { namedResourceSpec: { kind: "gpu", value: "g2" } },
      { discreteResourceSpec: { kind: "ssd", value: "3" } },
    ];
    const node = ready("n1", {}, { description: { resources: { generic } } });
    const spec = {
      resources: {
        reservations: {
          generic: [
            { discreteResourceSpec: { kind: "gpu", value: "1" } },
            { discreteResourceSpec: { kind: "ssd", value: "1" } },
          ],
        },
      },
    };
    const decisions = decideOn([node], many(3, spec));
    expect(decisions.flatMap((decision) => (decision.kind === "place" ? [decision.generic[0]] : []))).toEqual([
      { namedResourceSpec: { kind: "gpu", value: "g1" } },
      { namedResourceSpec: { kind: "gpu", value: "g2" } },
    ]);
    expect(errOf(decisions)).toBe("no suitable node (insufficient resources on 1 node)");
  });

  test("a preassigned task is only checked on its node, and its explanation stands alone", () => {
    const own = { slot: "0", nodeId: "n2" };
    const nodes = [ready("n1"), ready("n2", {}, { status: { state: "DOWN" } })];
    expect(errOf(decideOn(nodes, [pending("g", {}, own)]))).toBe("1 node not available for new tasks");
    expect(decideOn([ready("n1"), ready("n2")], [pending("g", {}, own)])).toEqual([
      {
        kind: "place",
        taskId: "g",
        nodeId: "n2",
        message: "scheduler confirmed task can run on preassigned node",
        generic: [],
      },
    ]);
  });
});

test("a group that found no place is not tried again until something could have changed for it", () => {
  const reserve = { resources: { reservations: { memoryBytes: "600" } } };
  const small = running("small", "n1", { resources: { reservations: { memoryBytes: "100" } } }, { serviceId: "small" });
  const big = running("big", "n1", reserve, { serviceId: "big" });
  const view = viewOf([ready("n1")], [small, big, ...many(1, reserve)]);
  expect(errOf(decide(view, view.takeWork(), now))).toBeDefined();
  expect(view.hasWork).toBe(false);
  view.setTask({ ...small, status: { state: "FAILED" } });
  expect(decide(view, view.takeWork(), now)).toEqual([]);
  view.setTask({ ...big, status: { state: "FAILED" } });
  expect(placed(decide(view, view.takeWork(), now))).toEqual({ n1: 1 });
});

test("the incremental picture equals one that is made anew, after any changes", async () => {
  const task = fc.record({
    id: fc.constantFrom("t1", "t2", "t3", "t4"),
    nodeId: fc.constantFrom("", "n1", "n2"),
    state: fc.constantFrom("PENDING", "ASSIGNED", "RUNNING", "FAILED", "SHUTDOWN" as const),
    desired: fc.constantFrom("RUNNING", "SHUTDOWN" as const),
    memory: fc.integer({ min: 0, max: 900 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(task, { maxLength: 30 }), async (steps) => {
      const store = leadingStore({ random: new SeededRandom(1) });
      const nodes = [ready("n1"), ready("n2")];
      await store.update((tx) => nodes.forEach((node) => void tx.create(nodeTable, node)));
      const view = store.view((tx) => ClusterView.of(tx));
      const tasksOn = (): readonly Task[] => [];
      store.watch((changes) => {
        for (const change of changes) view.apply(change, tasksOn, now);
      });
      for (const { id, nodeId, state, desired, memory } of steps) {
        const next: Task = {
          ...pending(id, { resources: { reservations: { memoryBytes: String(memory) } } }),
          nodeId,
          status: { state },
          desiredState: desired,
        };
        await store.update((tx) => {
          const known = tx.get(taskTable, id);
          if (known === undefined) tx.create(taskTable, next);
          else if (memory > 800) tx.remove(taskTable, id);
          else tx.update(taskTable, { ...next, ...(known.meta === undefined ? {} : { meta: known.meta }) });
        });
      }
      const fresh = store.view((tx) => ClusterView.of(tx));
      const sums = (each: ClusterView): unknown => ({
        nodes: [...each.nodes].map((node) => [
          node.id,
          node.freeMemoryBytes,
          node.activeTasks(),
          node.activeTasks("web"),
        ]),
        groups: each.groups.map(({ tasks }) => [...tasks.keys()].sort()),
        preassigned: each.preassigned.map(({ id }) => id ?? "").sort(),
      });
      expect(sums(view)).toEqual(sums(fresh));
    }),
  );
});
