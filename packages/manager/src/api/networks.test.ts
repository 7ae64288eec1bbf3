import { networks, services, tasks } from "@mswarm/store";
import type { NetworkSpec, Task, TaskState } from "@mswarm/wire";
import { expect, test } from "vitest";
import { controlFixture, localCall } from "./testing/control-fixture.ts";

const named = (name: string, changes: Partial<NetworkSpec> = {}): NetworkSpec => ({
  annotations: { name },
  ...changes,
});
const withIpam = (config: object): NetworkSpec => named("a", { ipam: { configs: [config] } });
const predefined = { "com.docker.swarm.predefined": "true" };

test.each<[NetworkSpec | undefined, string, string]>([
  [undefined, "INVALID_ARGUMENT", "invalid argument"],
  [{}, "INVALID_ARGUMENT", "meta: name must be provided"],
  [named("a", { ingress: true, attachable: true }), "INVALID_ARGUMENT", "ingress network cannot be attachable"],
  [
    { annotations: { name: "a", labels: predefined } },
    "PERMISSION_DENIED",
    "label com.docker.swarm.predefined is for internally created predefined networks and cannot be applied by users",
  ],
  [withIpam({ subnet: "10.0.0.0/33" }), "INVALID_ARGUMENT", "ipam configuration: invalid subnet 10.0.0.0/33"],
  [withIpam({ subnet: "10.0.0.0/24", range: "x" }), "INVALID_ARGUMENT", "ipam configuration: invalid range x"],
  [
    withIpam({ subnet: "10.0.0.0/24", range: "10.0.1.0/25" }),
    "INVALID_ARGUMENT",
    "ipam configuration: subnet 10.0.0.0/24 does not contain range 10.0.1.0/25",
  ],
  [withIpam({ subnet: "10.0.0.0/24", gateway: "x" }), "INVALID_ARGUMENT", "ipam configuration: invalid gateway x"],
  [
    withIpam({ subnet: "fd00::/64", gateway: "10.0.0.1" }),
    "INVALID_ARGUMENT",
    "ipam configuration: subnet fd00::/64 does not contain gateway 10.0.0.1",
  ],
  [named("a", { ingress: true }), "ALREADY_EXISTS", "ingress network (i) is already present"],
  [
    withIpam({ subnet: "10.0.0.0/24", range: "10.0.0.0/25", gateway: "10.0.0.1" }),
    "UNIMPLEMENTED",
    expect.stringContaining("no swarm networks"),
  ],
])("creating a network from %o is refused", async (spec, code, message) => {
  const { control, put } = controlFixture();
  await put(networks, { id: "i", spec: named("ingress", { ingress: true }) });
  await expect(control.CreateNetwork(spec === undefined ? {} : { spec }, localCall)).rejects.toMatchObject({
    code,
    message,
  });
});

test("a network is not removed while something uses it", async () => {
  const { control, put } = controlFixture();
  await put(networks, { id: "p", spec: { annotations: { name: "host", labels: predefined } } });
  await put(networks, { id: "i", spec: named("ingress", { ingress: true }) });
  await put(networks, { id: "a", spec: named("a") });
  await put(networks, { id: "b", spec: named("b") });
  await put(services, {
    id: "s",
    spec: { task: { networks: [{ target: "a" }] }, endpoint: { ports: [{ targetPort: 1 }] } },
  });
  const task = (id: string, desiredState: TaskState, state: TaskState): Promise<Task> =>
    put(tasks, { id, desiredState, status: { state }, spec: { networks: [{ target: "b" }] } });
  await task("t1", "SHUTDOWN", "RUNNING");
  await task("t2", "RUNNING", "PENDING");
  const remove = (networkId: string) => control.RemoveNetwork({ networkId }, localCall);
  const refused = async (networkId: string, message: string) =>
    expect(remove(networkId)).rejects.toMatchObject({ code: "FAILED_PRECONDITION", message });
  await refused("p", "network p (host) is a swarm predefined network and cannot be removed");
  await refused("i", "ingress network cannot be removed because service s depends on it");
  await refused("a", "network a is in use by service s");
  await refused("b", "network b is in use by task t2");
  await control.RemoveTask({ taskId: "t2" }, localCall);
  await remove("b");
  await expect(remove("b")).rejects.toMatchObject({ code: "NOT_FOUND", message: "network b not found" });
  await expect(control.RemoveNetwork({}, localCall)).rejects.toThrow("invalid argument");
  await expect(control.GetNetwork({}, localCall)).rejects.toThrow("invalid argument");
  expect((await control.ListNetworks({ filters: { names: ["a"] } }, localCall)).networks).toHaveLength(1);
});
