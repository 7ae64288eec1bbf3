// What clients send, and what they are told when it cannot be.
import { expect, test } from "vitest";
import { nodeSpec, secret, secretSpec, serviceSpec, task } from "./index.ts";
import type { Json } from "./json.ts";
import { unplaced } from "./message.ts";
import { clusterSpec, specOfInit } from "./swarm.ts";

const container = { Image: "app:1" };
const template = (more: { [key: string]: Json }): Json => ({ TaskTemplate: { ContainerSpec: container, ...more } });
const withContainer = (more: { [key: string]: Json }): Json => ({
  TaskTemplate: { ContainerSpec: { ...container, ...more } },
});
const read = (json: Json, api = 41): ReturnType<typeof serviceSpec.read> =>
  serviceSpec.read(json, { ...unplaced, api });

test("a service that says nothing else has one replica", () => {
  expect(read(template({}))).toEqual({
    annotations: {},
    task: { container: { image: "app:1" } },
    replicated: { replicas: "1" },
  });
  expect(read({ TaskTemplate: { ContainerSpec: container }, Mode: { Replicated: { Replicas: 0 } } })).toMatchObject({
    replicated: {},
  });
});

test("null is absence, in structures, in lists and in maps", () => {
  const spec = read(withContainer({ Env: [null, "A=1"], Labels: { a: null }, Healthcheck: null, Command: null }));
  expect(spec.task?.container).toEqual({ image: "app:1", env: ["", "A=1"], labels: { a: "" } });
});

test("the limit of processes moves between the task's resources and the container", () => {
  const spec = read(template({ Resources: { Limits: { Pids: 7 } } }));
  expect(spec.task).toEqual({ container: { image: "app:1", pidsLimit: "7" }, resources: { limits: {} } });
  expect(serviceSpec.write(spec)).toMatchObject({ TaskTemplate: { Resources: { Limits: { Pids: 7 } } } });
  expect(task.write({ spec: { container: { pidsLimit: "3" } } })).toMatchObject({
    Spec: { Resources: { Limits: { Pids: 3 } } },
  });
});

test("a restart policy without a condition restarts always; a placement that is empty stays", () => {
  expect(read(template({ RestartPolicy: {}, Placement: {} })).task).toMatchObject({
    restart: { condition: "ANY" },
    placement: {},
  });
  expect(read(template({ RestartPolicy: { Condition: "none" } })).task?.restart).toEqual({});
});

test("networks of the service itself are read from clients of every version", () => {
  const json: Json = { TaskTemplate: { ContainerSpec: container }, Networks: [{ Target: "net", Aliases: ["a"] }] };
  expect(read(json, 24).networks).toEqual([{ target: "net", aliases: ["a"] }]);
  expect(read(json, 45).networks).toEqual([{ target: "net", aliases: ["a"] }]);
});

test.each([
  [39, { Sysctls: { a: "1" } }],
  [40, { CapabilityAdd: ["CAP_CHOWN"] }],
  [40, { Ulimits: [{ Name: "nofile", Hard: 1, Soft: 1 }] }],
  [43, { Privileges: { NoNewPrivileges: true } }],
  [45, { OomScoreAdj: 5 }],
] as [number, { [key: string]: Json }][])("a client of API 1.%i cannot set %j, the next one can", (api, field) => {
  const without = (version: number): object => ({
    ...read(withContainer(field), version).task?.container,
    privileges: 0,
  });
  const plain = { image: "app:1", privileges: 0 };
  const before = read(withContainer(field), api).task?.container;
  expect({ ...before, privileges: 0 }).toEqual(plain);
  expect(JSON.stringify(read(withContainer(field), api + 1).task?.container)).not.toBe(JSON.stringify(before));
  expect(without(api)).toEqual(plain);
});

test.each([
  [
    { TaskTemplate: { ForceUpdate: "x" } },
    "json: cannot unmarshal string into Go struct field TaskSpec.TaskTemplate.ForceUpdate of type uint64",
  ],
  [
    { TaskTemplate: { ForceUpdate: 1.5 } },
    "json: cannot unmarshal number 1.5 into Go struct field TaskSpec.TaskTemplate.ForceUpdate of type uint64",
  ],
  [[], "json: cannot unmarshal array into Go value of type swarm.ServiceSpec"],
  [template({ RestartPolicy: { Condition: "x" } }), 'invalid RestartCondition: "x"'],
  [template({ Runtime: "attachment" }), "unsupported runtime"],
  [template({ Runtime: "plugin", PluginSpec: {} }), 'runtime type "plugin" only supported in experimental'],
  [{ TaskTemplate: {} }, "mismatched Runtime and *Spec fields"],
  [{ ...(template({}) as object), Mode: { Global: {}, GlobalJob: {} } }, "must specify only one service mode"],
  [{ ...(template({}) as object), UpdateConfig: { Order: "x" } }, "unrecognized update order x"],
  [{ ...(template({}) as object), EndpointSpec: { Ports: [{ Protocol: "icmp" }] } }, 'invalid port protocol: "icmp"'],
  [
    withContainer({ Mounts: [{ Type: "image", ImageOptions: {} }] }),
    "mounts with ImageOptions are not supported in services",
  ],
  [
    withContainer({ Mounts: [null] }),
    "json: cannot unmarshal object into Go struct field ContainerSpec.TaskTemplate.ContainerSpec.Mounts of type []mount.Mount: an element is null",
  ],
  [withContainer({ Configs: [{}] }), "invalid Config: either File or Runtime should be set"],
  [
    withContainer({ Privileges: { CredentialSpec: { File: "a", Registry: "b", Config: "c" } } }),
    'invalid CredentialSpec: cannot specify both "config", "file", and "registry" credential specs',
  ],
  [withContainer({ Isolation: "x" }), 'invalid isolation: "x"'],
  [template({ Placement: { Preferences: [{}] } }), "a placement preference needs a Spread"],
  [template({ Resources: { SwapBytes: 1 } }), "memory swap provided, but no memory-limit was set"],
  [{ Name: "a", name: "b" }, 'the JSON field "Name" is there twice ("name"): send it once'],
] as [Json, string][])("%j is refused", (json, message) => {
  expect(() => read(json, 60)).toThrow(message);
});

test("secrets are read with their data and shown without, whoever asks", () => {
  const spec = secretSpec.read({ Name: "s", Data: "aGk=" }, unplaced);
  expect(spec.data?.toString()).toBe("hi");
  expect(JSON.stringify(secret.write({ id: "x", spec }))).not.toContain("aGk=");
  expect(() => secretSpec.read({ Data: "a" }, unplaced)).toThrow("illegal base64 data at input byte 0");
});

test("a node has to be given a role and an availability", () => {
  expect(nodeSpec.read({ Role: "Manager", Availability: "drain" }, unplaced)).toMatchObject({
    desiredRole: "MANAGER",
    availability: "DRAIN",
  });
  expect(() => nodeSpec.read({ Availability: "active" }, unplaced)).toThrow('invalid Role: ""');
});

test("the key of a new root is taken from a swarm's settings and never shown", () => {
  const spec = clusterSpec.read({ CAConfig: { SigningCAKey: "key", SigningCACert: "cert" } }, unplaced);
  expect(spec.caConfig?.signingCaKey?.toString()).toBe("key");
  expect(JSON.stringify(clusterSpec.write(spec))).not.toMatch(/key"|cert"/);
  expect(() => specOfInit({ Spec: { Name: "other" } }, unplaced)).toThrow('swarm spec must be named "default"');
});
