import type { Service, Task } from "@mswarm/wire";
import { taskCodec } from "@mswarm/wire";
import { expect, test } from "vitest";
import { newTask } from "./new-task.ts";
import { DirtyTasks, specDifference } from "./task-dirtiness.ts";
import { at, maker, readyNode } from "./testing/objects.ts";

const before: Service = {
  id: "web",
  specVersion: {},
  spec: {
    task: {
      container: {
        image: "nginx:1",
        env: ["A=1"],
        mounts: [{ type: "BIND", source: "/a", target: "/b" }],
        secrets: [{ secretId: "s", secretName: "s", file: { name: "s", mode: 292 } }],
        pullOptions: { registryAuth: "old" },
      },
      placement: { constraints: [] },
      restart: { condition: "ANY", delay: { seconds: "5", nanos: 0 } },
    },
    endpoint: { mode: "VIP", ports: [] },
    replicated: { replicas: "1" },
  },
};
/** As it comes back from the log: absent zeros, names of oneof members. */
const stored: Task = taskCodec.decode(taskCodec.encode(newTask(before, { slot: 1 }, "RUNNING", at(0), maker())));
const running: Task = { ...stored, nodeId: "node1", status: { state: "RUNNING" } };

type Spec = NonNullable<NonNullable<Service["spec"]>["task"]>;
const after = (change: (task: Spec) => Spec, spec: Partial<NonNullable<Service["spec"]>> = {}): Service => ({
  ...before,
  specVersion: { index: "9" },
  spec: { ...before.spec, ...spec, task: change(before.spec?.task ?? {}) },
});
const dirty = (service: Service, task: Task = running, node = readyNode("node1")): boolean =>
  new DirtyTasks().has(service, task, node);

test("an equal spec is equal, however it was encoded", () => {
  expect(
    specDifference(
      after((task) => task),
      running,
    ),
  ).toBe("none");
});

test("a new image, a forced update and a new endpoint are essential", () => {
  expect(dirty(after((task) => ({ ...task, container: { ...task.container, image: "nginx:2" } })))).toBe(true);
  expect(dirty(after((task) => ({ ...task, forceUpdate: "1" })))).toBe(true);
  expect(dirty(after((task) => task, { endpoint: { mode: "DNSRR", ports: [] } }))).toBe(true);
});

test("new constraints matter only where the node does not satisfy them", () => {
  const moved = after((task) => ({ ...task, placement: { constraints: ["node.id==node1"] } }));
  expect(dirty(moved)).toBe(false);
  expect(dirty(moved, { ...running, nodeId: "node2" }, readyNode("node2"))).toBe(true);
});

test("new pull credentials matter only while the image may still have to be pulled", () => {
  const renewed = after((task) => ({
    ...task,
    container: { ...task.container, pullOptions: { registryAuth: "new" } },
  }));
  expect(dirty(renewed)).toBe(false);
  expect(dirty(renewed, { ...running, status: { state: "PREPARING" } })).toBe(true);
});

test("the same version is never dirty", () => {
  expect(dirty({ ...after((task) => ({ ...task, forceUpdate: "1" })), specVersion: {} })).toBe(false);
});
