import { milliseconds, seconds } from "@mswarm/runtime";
import type { ContainerSpec, Mount, Task } from "@mswarm/wire";
import { describe, expect, test } from "vitest";
import { assignedTask } from "../testing/worker-scene.ts";
import { type ContainerSurroundings, containerCreateOf, stopGraceOf } from "./container-spec.ts";

const surroundings: ContainerSurroundings = {
  node: { id: "node1", hostname: "host-one", operatingSystem: "linux", architecture: "x86_64" },
  extraLabels: {},
};
const created = (spec: ContainerSpec, more: Partial<Task> = {}) =>
  containerCreateOf(assignedTask("task1", spec, more), surroundings, []);
const withNetwork = (...names: string[]): Partial<Task> => ({
  networks: names.map((name) => ({ network: { id: name, spec: { annotations: { name } } } })),
});

test("a container is named after service, slot and task, a global one after its node", () => {
  expect(created({}).name).toBe("web.1.task1");
  expect(created({}, { slot: "0" }).name).toBe("web.node1.task1");
  expect(created({}, { annotations: { name: "given" } }).name).toBe("given");
});

test("the system's labels win over those of the specification, and the daemon's over all", () => {
  const task = assignedTask(
    "task1",
    { labels: { mine: "1", shared: "spec", "com.docker.swarm.node.id": "forged" } },
    { annotations: { labels: { shared: "task" } } },
  );
  const extra = { ...surroundings, extraLabels: { "mswarm.lab": "l1" } };
  expect(containerCreateOf(task, extra, []).labels).toEqual({
    mine: "1",
    shared: "task",
    "com.docker.swarm.task": "",
    "com.docker.swarm.task.id": "task1",
    "com.docker.swarm.task.name": "web.1.task1",
    "com.docker.swarm.node.id": "node1",
    "com.docker.swarm.service.id": "service1",
    "com.docker.swarm.service.name": "web",
    "mswarm.lab": "l1",
  });
});

test("a command replaces the entrypoint, arguments alone keep it", () => {
  expect(created({ command: ["a"], args: ["b"] })).toMatchObject({ entrypoint: ["a"], command: ["b"] });
  const argumentsOnly = created({ args: ["b"] });
  expect([argumentsOnly.entrypoint, argumentsOnly.command]).toEqual([undefined, ["b"]]);
  const neither = created({});
  expect("entrypoint" in neither || "command" in neither).toBe(false);
});

test("what the specification does not say is left to the image and the engine", () => {
  const spec = created({});
  for (const key of [
    "hostname",
    "user",
    "workingDirectory",
    "stopSignal",
    "healthcheck",
    "init",
    "logDriver",
    "network",
  ]) {
    expect(spec).not.toHaveProperty(key);
  }
  expect(spec.resources).toEqual({ ulimits: [] });
});

test("everything a specification can say arrives", () => {
  const spec = created(
    {
      hostname: "h",
      user: "1:2",
      groups: ["audio"],
      dir: "/w",
      tty: true,
      openStdin: true,
      readOnly: true,
      stopSignal: "SIGINT",
      init: { value: false },
      capabilityAdd: ["CAP_NET_ADMIN"],
      capabilityDrop: ["ALL"],
      sysctls: { "net.core.somaxconn": "1024" },
      dnsConfig: { nameservers: ["8.8.8.8"], search: ["example.org"], options: ["timeout:3"] },
      hosts: ["10.0.0.1 one two", "2001:db8::1 six"],
      ulimits: [{ name: "nofile", soft: "100", hard: "200" }],
      pidsLimit: "42",
      healthcheck: { test: ["CMD", "true"], interval: { seconds: "1", nanos: 500_000_000 }, retries: 2 },
      privileges: {
        seccomp: { mode: "UNCONFINED" },
        apparmor: { mode: "DISABLED" },
        noNewPrivileges: true,
        selinuxContext: { user: "u", level: "s0" },
      },
    },
    { logDriver: { name: "json-file", options: { "max-size": "1m" } } },
  );
  expect(spec).toMatchObject({
    hostname: "h",
    user: "1:2",
    groups: ["audio"],
    workingDirectory: "/w",
    tty: true,
    openStdin: true,
    readOnlyRoot: true,
    stopSignal: "SIGINT",
    init: false,
    capabilitiesAdd: ["CAP_NET_ADMIN"],
    capabilitiesDrop: ["ALL"],
    sysctls: { "net.core.somaxconn": "1024" },
    dns: { nameservers: ["8.8.8.8"], search: ["example.org"], options: ["timeout:3"] },
    extraHosts: ["one:10.0.0.1", "two:10.0.0.1", "six:2001:db8::1"],
    resources: { pidsLimit: 42, ulimits: [{ name: "nofile", soft: 100, hard: 200 }] },
    healthcheck: { test: ["CMD", "true"], interval: milliseconds(1_500), retries: 2 },
    securityOptions: [
      "label=user:u",
      "label=level:s0",
      "seccomp=unconfined",
      "apparmor=unconfined",
      "no-new-privileges=true",
    ],
    logDriver: { name: "json-file", options: { "max-size": "1m" } },
  });
});

test("limits are the engine's and reservations the scheduler's; swap is counted with memory", () => {
  const resources = (found: NonNullable<Task["spec"]>["resources"]) => {
    const task = assignedTask("task1");
    return containerCreateOf({ ...task, spec: { ...task.spec, ...(found && { resources: found }) } }, surroundings, [])
      .resources;
  };
  expect(
    resources({
      limits: { nanoCpus: "500000000", memoryBytes: "1048576" },
      reservations: { memoryBytes: "524288" },
      swapBytes: { value: "1000" },
      memorySwappiness: {},
    }),
  ).toEqual({
    nanoCpus: 500_000_000,
    memoryBytes: 1_048_576,
    memoryAndSwapBytes: 1_049_576,
    memorySwappiness: 0,
    ulimits: [],
  });
  expect(resources({ swapBytes: { value: "-1" } }).memoryAndSwapBytes).toBe(-1);
});

test("generic resources are told to the process by kind", () => {
  const { env } = created(
    { env: ["A=1"] },
    {
      assignedGenericResources: [
        { namedResourceSpec: { kind: "gpu", value: "one" } },
        { namedResourceSpec: { kind: "gpu", value: "two" } },
        { discreteResourceSpec: { kind: "ssd", value: "3" } },
      ],
    },
  );
  expect(env).toEqual(["A=1", "DOCKER_RESOURCE_GPU=one,two", "DOCKER_RESOURCE_SSD=3"]);
});

test("the task's own log driver wins over the cluster's default", () => {
  const task = assignedTask("task1", {}, { logDriver: { name: "syslog" } });
  const own = { ...task, spec: { ...task.spec, logDriver: { name: "none" } } };
  expect(containerCreateOf(own, surroundings, []).logDriver?.name).toBe("none");
});

describe("mounts", () => {
  const mountOf = (mount: Mount) => created({ mounts: [mount] }).mounts[0];

  test("a bind without a type on the wire is a bind: BIND is number 0", () => {
    expect(mountOf({ source: "/a", target: "/b" })).toEqual({
      type: "bind",
      source: "/a",
      target: "/b",
      readOnly: false,
    });
  });

  test("options of binds, volumes and tmpfs are kept", () => {
    const bindOptions: Mount["bindOptions"] = { propagation: "RSLAVE", nonrecursive: true };
    expect(mountOf({ source: "/a", target: "/b", bindOptions, readonly: true })).toMatchObject({
      propagation: "rslave",
      nonRecursive: true,
      readOnly: true,
    });
    const driverConfig = { name: "nfs", options: { device: ":/x" } };
    const volumeOptions = { nocopy: true, labels: { l: "1" }, driverConfig, subpath: "sub" };
    expect(mountOf({ type: "VOLUME", source: "v", target: "/v", volumeOptions })).toEqual({
      type: "volume",
      source: "v",
      target: "/v",
      readOnly: false,
      noCopy: true,
      labels: { l: "1" },
      driver: { name: "nfs", options: { device: ":/x" } },
      subpath: "sub",
    });
    expect(mountOf({ type: "TMPFS", target: "/t", tmpfsOptions: { sizeBytes: "4096", mode: 0o1777 } })).toEqual({
      type: "tmpfs",
      target: "/t",
      readOnly: false,
      sizeBytes: 4096,
      mode: 0o1777,
    });
  });

  test("paths that mean another kind of mount are refused in Docker's words, not made something of", () => {
    const refusals: readonly (readonly [Mount, string])[] = [
      [{ type: "TMPFS", source: "x", target: "/t" }, "invalid tmpfs source, source must be empty"],
      [{ type: "BIND", target: "/t" }, "invalid bind mount source, must be an absolute path: "],
      [{ source: "here", target: "/t" }, "invalid bind mount source, must be an absolute path: here"],
      [{ type: "VOLUME", source: "/v", target: "/t" }, "invalid volume mount source, must not be an absolute path: /v"],
      [{ type: "VOLUME", source: "v", target: "t" }, "invalid mount target, must be an absolute path: t"],
    ];
    for (const [mount, words] of refusals) {
      expect(() => mountOf(mount)).toThrow(expect.objectContaining({ message: words }));
    }
  });

  test("kinds that cannot be had here are refused with a sentence", () => {
    expect(() => mountOf({ type: "CLUSTER", target: "/c" })).toThrow("cluster volumes are not supported");
    expect(() => mountOf({ type: "NPIPE", target: "/c" })).toThrow("named pipes exist on Windows only");
  });
});

describe("networks", () => {
  test("none is the engine's default, the predefined ones are taken by name", () => {
    expect(created({}).network).toBeUndefined();
    expect(created({}, withNetwork("host")).network).toBe("host");
    expect(created({}, withNetwork("bridge")).network).toBe("bridge");
  });

  test("an overlay is refused with a sentence, also beside a predefined network", () => {
    expect(() => created({}, withNetwork("ingress"))).toThrow('network "ingress": this worker runs tasks on');
    expect(() => created({}, withNetwork("host", "backend"))).toThrow('network "backend"');
    expect(() => created({}, withNetwork("host", "bridge"))).toThrow("can have no other network");
  });
});

test("what is not a container is refused by its name", () => {
  const specOf = (spec: NonNullable<Task["spec"]>) => () =>
    containerCreateOf({ ...assignedTask("task1"), spec }, surroundings, []);
  expect(specOf({ generic: { kind: "plugin" } })).toThrow('tasks of kind "plugin"');
  expect(specOf({ attachment: { containerId: "c" } })).toThrow("network attachments");
  expect(specOf({})).toThrow("the task says nothing about what it runs");
  expect(specOf({ container: {} })).toThrow("dockerexec: image required");
});

test("a container may take 10 s to stop, or what its specification says, none at all included", () => {
  expect(stopGraceOf(assignedTask("t"))).toBe(seconds(10));
  expect(stopGraceOf(assignedTask("t", { stopGracePeriod: { seconds: "3" } }))).toBe(seconds(3));
  expect(stopGraceOf(assignedTask("t", { stopGracePeriod: {} }))).toBe(seconds(0));
});

test("templates are filled in where Docker does it, and nowhere else", () => {
  const container = created({
    hostname: '{{.Service.Name}}-{{.Task.Slot}}{{if eq .Node.Platform.OS "linux"}}-l{{end}}',
    env: ['T={{index .Service.Labels "tier" | printf "%q"}}', "{{.Task.ID}}=name", "BARE", 'J={"a":{"b":1}}'],
    labels: { raw: "{{.Task.ID}}" },
    args: ["{{.Task.ID}}"],
    mounts: [
      {
        type: "VOLUME",
        source: "data-{{.Task.Slot}}",
        target: "/{{.Service.ID}}",
        volumeOptions: {
          labels: { slot: "{{.Task.Slot}}" },
          driverConfig: { name: "local", options: { o: "{{.Node.ID}}" } },
        },
      },
    ],
  });
  expect(container).toMatchObject({
    hostname: "web-1-l",
    env: ['T="front"', "{{.Task.ID}}=name", "BARE", 'J={"a":{"b":1}}'],
    labels: { raw: "{{.Task.ID}}" },
    command: ["{{.Task.ID}}"],
    mounts: [
      {
        source: "data-1",
        target: "/service1",
        labels: { slot: "1" },
        driver: { name: "local", options: { o: "node1" } },
      },
    ],
  });
  expect(() => created({ env: ["A={{.Service.Labels.absent}}"] })).toThrow(
    /^expanding env failed: expanding env "A=.*map has no entry for key "absent"$/,
  );
});
