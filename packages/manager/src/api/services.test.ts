import { configs, networks, secrets, services, tasks } from "@mswarm/store";
import type { ContainerSpec, PortConfig, Service, ServiceSpec, Task, TaskSpec, TaskState, Version } from "@mswarm/wire";
import { expect, test } from "vitest";
import { type ControlFixture, controlFixture, localCall } from "./testing/control-fixture.ts";

const spec = (changes: Partial<ServiceSpec> = {}): ServiceSpec => ({
  annotations: { name: "web" },
  task: { container: { image: "nginx" } },
  replicated: { replicas: "1" },
  ...changes,
});
const withTask = (task: TaskSpec): ServiceSpec => spec({ task: { container: { image: "nginx" }, ...task } });
const withContainer = (container: ContainerSpec): ServiceSpec =>
  spec({ task: { container: { image: "nginx", ...container } } });
const withPorts = (...ports: PortConfig[]): ServiceSpec => spec({ endpoint: { ports } });
const host = (publishedPort: number): PortConfig => ({ publishedPort, targetPort: 80, publishMode: "HOST" });
const negative = { seconds: "-1" };
const file = { name: "f" };
const secretRef = { secretId: "s1", secretName: "pass", file };
const configRef = { configId: "c1", configName: "conf", file };

async function populated(): Promise<ControlFixture> {
  const fixture = controlFixture();
  const { put } = fixture;
  await put(secrets, { id: "s1", spec: { annotations: { name: "pass" } } });
  await put(configs, { id: "c1", spec: { annotations: { name: "conf" } } });
  const predefined = { "com.docker.swarm.predefined": "true" };
  await put(networks, { id: "n-host", spec: { annotations: { name: "host", labels: predefined } } });
  await put(networks, { id: "n-ingress", spec: { annotations: { name: "ingress" }, ingress: true } });
  await put(networks, { id: "n-overlay", spec: { annotations: { name: "back" } } });
  await put(services, {
    id: "mesh",
    spec: { annotations: { name: "mesh" }, endpoint: { ports: [{ publishedPort: 80 }] } },
  });
  await put(services, { id: "edge", spec: { annotations: { name: "edge" }, endpoint: { ports: [host(81)] } } });
  return fixture;
}

const refusals: readonly [string, ServiceSpec | undefined, string, string][] = [
  ["no spec", undefined, "INVALID_ARGUMENT", "invalid argument"],
  ["no name", spec({ annotations: {} }), "INVALID_ARGUMENT", "meta: name must be provided"],
  [
    "a bad name",
    spec({ annotations: { name: "a.b" } }),
    "INVALID_ARGUMENT",
    "name must be valid as a DNS name component",
  ],
  [
    "a long name",
    spec({ annotations: { name: "a".repeat(64) } }),
    "INVALID_ARGUMENT",
    "name must be 63 characters or fewer",
  ],
  ["no runtime", spec({ task: {} }), "INVALID_ARGUMENT", "TaskSpec: missing runtime"],
  [
    "an attachment",
    spec({ task: { attachment: {} } }),
    "UNIMPLEMENTED",
    "RuntimeSpec: unimplemented runtime in service spec",
  ],
  [
    "a template that names nothing",
    withContainer({ env: ["A={{.Foo}}"] }),
    "INVALID_ARGUMENT",
    'expanding env failed: expanding env "A={{.Foo}}": template: expansion:1:2: executing "expansion" at <.Foo>: can\'t evaluate field Foo in type *template.Context',
  ],
  [
    "a template that cannot be read",
    withContainer({ hostname: "{{.Node" }),
    "INVALID_ARGUMENT",
    "expanding hostname failed: template: expansion:1: unclosed action",
  ],
  [
    "a label of the service that its template must ask for by index",
    withContainer({ mounts: [{ type: "VOLUME", source: "{{.Service.Labels.a}}", target: "/a" }] }),
    "INVALID_ARGUMENT",
    'expanding mounts failed: expanding mount source "{{.Service.Labels.a}}": template: expansion:1:10: executing "expansion" at <.Service.Labels.a>: map has no entry for key "a"',
  ],
  [
    "mounts that come to the same place",
    withContainer({
      mounts: [
        { type: "VOLUME", source: "a", target: "/{{.Task.Slot}}" },
        { type: "VOLUME", source: "b", target: "/1" },
      ],
    }),
    "INVALID_ARGUMENT",
    "ContainerSpec: duplicate mount point: /1",
  ],
  ["no image", withContainer({ image: "" }), "INVALID_ARGUMENT", "ContainerSpec: image reference must be provided"],
  [
    "a bad image",
    withContainer({ image: "UPPER case" }),
    "INVALID_ARGUMENT",
    'ContainerSpec: "UPPER case" is not a valid repository/tag',
  ],
  [
    "one mount point twice",
    withContainer({ mounts: [{ target: "/a" }, { target: "/a" }] }),
    "INVALID_ARGUMENT",
    "ContainerSpec: duplicate mount point: /a",
  ],
  [
    "too little cpu",
    withTask({ resources: { limits: { nanoCpus: "1000" } } }),
    "INVALID_ARGUMENT",
    "invalid cpu value 1e-06: Must be at least 0.001",
  ],
  [
    "too little memory",
    withTask({ resources: { reservations: { memoryBytes: "4194303" } } }),
    "INVALID_ARGUMENT",
    "invalid memory value 4194303: Must be at least 4MiB",
  ],
  [
    "a negative restart delay",
    withTask({ restart: { delay: negative } }),
    "INVALID_ARGUMENT",
    "TaskSpec: restart-delay cannot be negative",
  ],
  [
    "a negative restart window",
    withTask({ restart: { window: negative } }),
    "INVALID_ARGUMENT",
    "TaskSpec: restart-window cannot be negative",
  ],
  [
    "a negative update delay",
    spec({ update: { delay: negative } }),
    "INVALID_ARGUMENT",
    "TaskSpec: update-delay cannot be negative",
  ],
  [
    "a negative update monitor",
    spec({ update: { monitor: negative } }),
    "INVALID_ARGUMENT",
    "TaskSpec: update-monitor cannot be negative",
  ],
  [
    "a failure ratio above 1",
    spec({ update: { maxFailureRatio: 1.1 } }),
    "INVALID_ARGUMENT",
    "TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1",
  ],
  [
    "a rollback config that is wrong",
    spec({ rollback: { maxFailureRatio: -1 } }),
    "INVALID_ARGUMENT",
    "TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1",
  ],
  [
    "negative replicas",
    spec({ replicated: { replicas: "18446744073709551615" } }),
    "INVALID_ARGUMENT",
    "Number of replicas must be non-negative",
  ],
  [
    "no mode",
    { annotations: { name: "web" }, task: { container: { image: "a" } } },
    "INVALID_ARGUMENT",
    "Unrecognized service mode",
  ],
  ["a bad constraint key", withTask({ placement: { constraints: ["1+=x==y"] } }), "UNKNOWN", "key '1+=x' is invalid"],
  [
    "a bad constraint value",
    withTask({ placement: { constraints: ["node.id==ü"] } }),
    "UNKNOWN",
    "value 'ü' is invalid",
  ],
  [
    "a constraint without operator",
    withTask({ placement: { constraints: ["node.id"] } }),
    "UNKNOWN",
    "constraint expected one operator from ==, !=",
  ],
  [
    "a health interval below 1ms",
    withContainer({ healthcheck: { interval: { nanos: 1 } } }),
    "INVALID_ARGUMENT",
    "ContainerSpec: Interval in HealthConfig cannot be less than 1ms",
  ],
  [
    "a health timeout below 1ms",
    withContainer({ healthcheck: { timeout: { nanos: 1 } } }),
    "INVALID_ARGUMENT",
    "ContainerSpec: Timeout in HealthConfig cannot be less than 1ms",
  ],
  [
    "a health start period below 1ms",
    withContainer({ healthcheck: { startPeriod: negative } }),
    "INVALID_ARGUMENT",
    "ContainerSpec: StartPeriod in HealthConfig cannot be less than 1ms",
  ],
  [
    "a health start interval below 1ms",
    withContainer({ healthcheck: { startInterval: { nanos: 1 } } }),
    "INVALID_ARGUMENT",
    "ContainerSpec: StartInterval in HealthConfig cannot be less than 1ms",
  ],
  [
    "negative health retries",
    withContainer({ healthcheck: { retries: -1 } }),
    "INVALID_ARGUMENT",
    "ContainerSpec: Retries in HealthConfig cannot be negative",
  ],
  [
    "ingress with dnsrr",
    spec({ endpoint: { mode: "DNSRR", ports: [{ targetPort: 80 }] } }),
    "INVALID_ARGUMENT",
    "EndpointSpec: port published with ingress mode can't be used with dnsrr mode",
  ],
  [
    "one port twice",
    withPorts(host(99), host(99)),
    "INVALID_ARGUMENT",
    "EndpointSpec: duplicate published ports provided",
  ],
  [
    "a port of the mesh",
    withPorts(host(80)),
    "INVALID_ARGUMENT",
    "port '80' is already in use by service 'mesh' (mesh) as an ingress port",
  ],
  [
    "a host port in the mesh",
    withPorts({ publishedPort: 81 }),
    "INVALID_ARGUMENT",
    "port '81' is already in use by service 'edge' (edge) as a host-published port",
  ],
  [
    "a secret without id",
    withContainer({ secrets: [{ secretName: "a" }] }),
    "INVALID_ARGUMENT",
    "malformed secret reference",
  ],
  [
    "a secret without target",
    withContainer({ secrets: [{ secretId: "s1", secretName: "pass" }] }),
    "INVALID_ARGUMENT",
    "malformed secret reference, no target provided",
  ],
  [
    "a secret without file name",
    withContainer({ secrets: [{ ...secretRef, file: {} }] }),
    "INVALID_ARGUMENT",
    "malformed file secret reference, invalid target file name provided",
  ],
  [
    "two secrets in one file",
    withContainer({ secrets: [secretRef, { ...secretRef, secretName: "b" }] }),
    "INVALID_ARGUMENT",
    "secret references 'pass' and 'b' have a conflicting target: 'f'",
  ],
  [
    "an unknown secret",
    withContainer({ secrets: [{ ...secretRef, secretId: "x" }] }),
    "INVALID_ARGUMENT",
    "secret not found: pass",
  ],
  [
    "a secret under another name",
    withContainer({ secrets: [{ ...secretRef, secretName: "other" }] }),
    "INVALID_ARGUMENT",
    "secret not found: other",
  ],
  [
    "unknown secrets",
    withContainer({
      secrets: [
        { ...secretRef, secretName: "a" },
        { ...secretRef, secretName: "b", file: { name: "g" } },
      ],
    }),
    "INVALID_ARGUMENT",
    "secrets not found: a, b",
  ],
  [
    "a config without id",
    withContainer({ configs: [{ configName: "a" }] }),
    "INVALID_ARGUMENT",
    "malformed config reference",
  ],
  [
    "a config without target",
    withContainer({ configs: [{ configId: "c1", configName: "conf" }] }),
    "INVALID_ARGUMENT",
    "malformed config reference, no target provided",
  ],
  [
    "a config without file name",
    withContainer({ configs: [{ ...configRef, file: {} }] }),
    "INVALID_ARGUMENT",
    "malformed file config reference, invalid target file name provided",
  ],
  [
    "two configs in one file",
    withContainer({ configs: [configRef, { ...configRef, configName: "b" }] }),
    "INVALID_ARGUMENT",
    "config references 'conf' and 'b' have a conflicting target: 'f'",
  ],
  [
    "an unknown config",
    withContainer({ configs: [{ ...configRef, configId: "x" }] }),
    "INVALID_ARGUMENT",
    "config not found: conf",
  ],
  [
    "a credential spec elsewhere",
    withContainer({ privileges: { credentialSpec: { config: "c1" } }, configs: [configRef] }),
    "INVALID_ARGUMENT",
    "CredentialSpec references config 'c1', but that config isn't in config references with RuntimeTarget",
  ],
  [
    "a job with update config",
    { ...spec(), replicatedJob: {}, update: {} },
    "INVALID_ARGUMENT",
    "Jobs may not have an update config",
  ],
  [
    "a job with negative concurrency",
    { ...spec(), replicatedJob: { maxConcurrent: "-1" } },
    "INVALID_ARGUMENT",
    "Maximum concurrent jobs must not be negative",
  ],
  [
    "a job with negative completions",
    { ...spec(), replicatedJob: { totalCompletions: "-1" } },
    "INVALID_ARGUMENT",
    "Total completed jobs must not be negative",
  ],
  [
    "a generic runtime with a short name",
    spec({ task: { generic: { kind: "ab" } } }),
    "INVALID_ARGUMENT",
    'Generic runtime: Invalid name "ab"',
  ],
  [
    "a generic runtime with a reserved name",
    spec({ task: { generic: { kind: "Container" } } }),
    "INVALID_ARGUMENT",
    'Generic runtime: "Container" is a reserved name',
  ],
  [
    "a generic runtime without payload",
    spec({ task: { generic: { kind: "plugin" } } }),
    "INVALID_ARGUMENT",
    "Generic runtime is missing payload",
  ],
  [
    "a generic runtime without type",
    spec({ task: { generic: { kind: "plugin", payload: {} } } }),
    "INVALID_ARGUMENT",
    "Generic runtime is missing payload type",
  ],
  [
    "a generic runtime without content",
    spec({ task: { generic: { kind: "plugin", payload: { type_url: "t" } } } }),
    "INVALID_ARGUMENT",
    "Generic runtime has an empty payload",
  ],
  [
    "the ingress network",
    withTask({ networks: [{ target: "n-ingress" }] }),
    "INVALID_ARGUMENT",
    'Service cannot be explicitly attached to the ingress network "ingress"',
  ],
  ["an unknown network", withTask({ networks: [{ target: "n-x" }] }), "NOT_FOUND", "network n-x not found"],
  [
    "a taken name",
    spec({ annotations: { name: "MESH" } }),
    "ALREADY_EXISTS",
    "name conflicts with an existing object: service MESH already exists",
  ],
];

test.each(refusals)("a service with %s is refused", async (_what, given, code, message) => {
  const { control, store } = await populated();
  const request = given === undefined ? {} : { spec: given };
  await expect(control.CreateService(request, localCall)).rejects.toMatchObject({ code, message });
  expect(store.view((tx) => tx.count(services))).toBe(2);
});

const payload = { type_url: "t", value: Buffer.from("x") };
test.each([
  ["a routing mesh", withPorts({ targetPort: 80, publishedPort: 8080 })],
  ["overlay networks", withTask({ networks: [{ target: "n-overlay" }] })],
  ["plugins", spec({ task: { generic: { kind: "plugin", payload } } })],
  ["cluster volumes", withContainer({ mounts: [{ type: "CLUSTER", target: "/a" }] })],
])("a service that needs %s is refused with a sentence", async (_what, spec) => {
  const { control } = await populated();
  const refused = control.CreateService({ spec }, localCall);
  await expect(refused).rejects.toMatchObject({ code: "UNIMPLEMENTED" });
  await expect(refused).rejects.toThrow("this version of mswarm");
});

test("a good service is created with an empty spec version, and may share a host port with another", async () => {
  const { control } = await populated();
  const good = {
    ...withContainer({ secrets: [secretRef], configs: [configRef, { ...configRef, file: { name: "g" } }] }),
    endpoint: { ports: [host(81), host(0), host(0)] },
  };
  const { service } = await control.CreateService({ spec: good }, localCall);
  expect(service?.specVersion).toEqual({});
  expect(service?.previousSpec).toBeUndefined();
  expect((await control.GetService({ serviceId: service?.id ?? "" }, localCall)).service).toEqual(service);
  await control.CreateService(
    { spec: { ...withTask({ networks: [{ target: "n-host" }] }), annotations: { name: "b" } } },
    localCall,
  );
  const { replicated: _mode, ...global } = spec({ annotations: { name: "c" }, global: {} });
  await control.CreateService({ spec: global }, localCall);
});

async function created(fixture: ControlFixture): Promise<Service> {
  return (await fixture.control.CreateService({ spec: spec() }, localCall)).service ?? {};
}

const update = async (
  { control }: ControlFixture,
  service: Service,
  next: ServiceSpec,
  rollback?: "PREVIOUS",
): Promise<Service> =>
  (
    await control.UpdateService(
      {
        serviceId: service.id ?? "",
        serviceVersion: service.meta?.version ?? {},
        spec: next,
        ...(rollback && { rollback }),
      },
      localCall,
    )
  ).service ?? {};

test("an update keeps the spec before it, and a rollback exchanges the two with their versions", async () => {
  const fixture = controlFixture();
  const first = await created(fixture);
  const second = await update(fixture, first, withContainer({ image: "nginx:2" }));
  expect(second.specVersion).toEqual(first.meta?.version);
  expect(second.previousSpec).toEqual(first.spec);
  expect(second.previousSpecVersion).toEqual({});
  const third = await update(fixture, second, withContainer({ image: "nginx:3" }));
  expect(third.previousSpec?.task?.container?.image).toBe("nginx:2");
  const back = await update(fixture, third, spec(), "PREVIOUS");
  expect(back.spec?.task?.container?.image).toBe("nginx:2");
  expect(back.specVersion).toEqual(second.specVersion);
  expect(back.previousSpec).toEqual(third.spec);
  expect(back.previousSpecVersion).toEqual(third.specVersion);
  expect(back.updateStatus).toMatchObject({ state: "ROLLBACK_STARTED", message: "manually requested rollback" });
  const again = await update(fixture, back, back.spec ?? {});
  expect(again.updateStatus).toBeUndefined();
  expect(again.specVersion).toEqual(back.meta?.version);
});

test("updates that SwarmKit refuses are refused with its texts", async () => {
  const fixture = controlFixture();
  const { control } = fixture;
  const service = await created(fixture);
  const serviceId = service.id ?? "";
  await expect(control.UpdateService({ serviceId, spec: spec() }, localCall)).rejects.toThrow("invalid argument");
  await expect(update(fixture, { ...service, id: "x" }, spec())).rejects.toThrow("service x not found");
  await expect(update(fixture, service, spec({ annotations: { name: "other" } }))).rejects.toMatchObject({
    code: "UNIMPLEMENTED",
    message: "renaming services is not supported",
  });
  const { replicated: _mode, ...global } = spec({ global: {} });
  await expect(update(fixture, service, global)).rejects.toThrow("service mode change is not allowed");
  await expect(update(fixture, service, spec({ networks: [{ target: "a" }] }))).rejects.toThrow(
    "networks must be migrated to TaskSpec before being changed",
  );
  await expect(update(fixture, service, spec(), "PREVIOUS")).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    message: `service ${serviceId} does not have a previous spec`,
  });
  await update(fixture, service, spec());
  await expect(update(fixture, service, spec())).rejects.toMatchObject({
    code: "UNKNOWN",
    message: "update out of sequence",
  });
});

test("a rollback to a spec whose secret is gone is refused", async () => {
  const fixture = await populated();
  const first =
    (await fixture.control.CreateService({ spec: withContainer({ secrets: [secretRef] }) }, localCall)).service ?? {};
  const second = await update(fixture, first, spec());
  await fixture.control.RemoveSecret({ secretId: "s1" }, localCall);
  await expect(update(fixture, second, spec(), "PREVIOUS")).rejects.toThrow("secret not found: pass");
});

test("a service keeps its own ports in an update", async () => {
  const fixture = controlFixture();
  const service = (await fixture.control.CreateService({ spec: withPorts(host(80)) }, localCall)).service ?? {};
  await update(fixture, service, withPorts(host(80), host(81)));
});

test("a removed service is gone at once, its tasks are left to the orchestrator", async () => {
  const fixture = controlFixture();
  const { control, put, store } = fixture;
  const { id: serviceId = "" } = await created(fixture);
  await put(tasks, { id: "t", serviceId });
  await control.RemoveService({ serviceId }, localCall);
  expect(store.view((tx) => tx.get(tasks, "t"))).toBeDefined();
  await expect(control.RemoveService({ serviceId }, localCall)).rejects.toMatchObject({
    code: "NOT_FOUND",
    message: `service ${serviceId} not found`,
  });
  await expect(control.RemoveService({}, localCall)).rejects.toThrow("invalid argument");
});

test("registry credentials are given to who asks for one service, never in a list", async () => {
  const { control } = controlFixture();
  const secretive = withContainer({ pullOptions: { registryAuth: "cred" } });
  const { id: serviceId = "" } = (await control.CreateService({ spec: secretive }, localCall)).service ?? {};
  const { service } = await control.GetService({ serviceId }, localCall);
  expect(service?.spec?.task?.container?.pullOptions?.registryAuth).toBe("cred");
  expect(JSON.stringify(await control.ListServices({}, localCall))).not.toContain("cred");
});

test("defaults are filled in on request", async () => {
  const fixture = controlFixture();
  const { id: serviceId = "" } = await created(fixture);
  const { service } = await fixture.control.GetService({ serviceId, insertDefaults: true }, localCall);
  expect(service?.spec).toMatchObject({
    task: { container: { stopGracePeriod: { seconds: "10" } }, restart: { condition: "ANY", delay: { seconds: "5" } } },
    update: { parallelism: "1", monitor: { seconds: "5" }, failureAction: "PAUSE", order: "STOP_FIRST" },
    rollback: { parallelism: "1" },
  });
});

test("statuses count running and wanted tasks, and zeros for what does not exist", async () => {
  const { control, put } = controlFixture();
  await put(services, { id: "r", spec: { annotations: { name: "r" }, replicated: { replicas: "3" } } });
  await put(services, { id: "g", spec: { annotations: { name: "g" }, global: {} } });
  await put(tasks, { id: "1", serviceId: "r", status: { state: "RUNNING" }, desiredState: "RUNNING" });
  await put(tasks, { id: "2", serviceId: "r", status: { state: "FAILED" }, desiredState: "SHUTDOWN" });
  await put(tasks, { id: "3", serviceId: "g", status: { state: "STARTING" }, desiredState: "RUNNING" });
  await put(tasks, { id: "4", serviceId: "g", status: { state: "SHUTDOWN" }, desiredState: "SHUTDOWN" });
  const { statuses } = await control.ListServiceStatuses({ services: ["r", "g", "x"] }, localCall);
  expect(statuses).toEqual([
    { serviceId: "r", desiredTasks: "3", runningTasks: "1", completedTasks: "0" },
    { serviceId: "g", desiredTasks: "1", runningTasks: "0", completedTasks: "0" },
    { serviceId: "x", desiredTasks: "0", runningTasks: "0", completedTasks: "0" },
  ]);
});

test("lists of services meet all filters", async () => {
  const { control, put } = controlFixture();
  const named = (id: string, name: string, labels: Record<string, string>): Promise<Service> =>
    put(services, { id, spec: { annotations: { name, labels }, task: { container: {} } } });
  await named("1a", "web", { tier: "front" });
  await named("2a", "web-2", { tier: "front" });
  await named("3a", "db", {});
  const ids = async (filters: object) =>
    ((await control.ListServices({ filters }, localCall)).services ?? []).map((service) => service.id);
  expect(await ids({})).toEqual(["1a", "2a", "3a"]);
  expect(await ids({ names: ["web", "db"] })).toEqual(["1a", "3a"]);
  expect(await ids({ namePrefixes: ["web"], labels: { tier: "front" }, idPrefixes: ["2"] })).toEqual(["2a"]);
  expect(await ids({ runtimes: ["container"] })).toHaveLength(3);
  expect(await ids({ runtimes: ["plugin"] })).toEqual([]);
});

test("a job begins its first iteration when it is created, and its next one with each update", async () => {
  const { control } = await populated();
  const job = { annotations: { name: "job" }, task: { container: { image: "a" } }, globalJob: {} };
  const { service: created } = await control.CreateService({ spec: job }, localCall);
  // A Go manager expects the message even for iteration 0.
  expect(created?.jobStatus).toMatchObject({ jobIteration: {}, lastExecution: expect.any(Object) });
  const update = async (version: Version | undefined, rollback: "NONE" | "PREVIOUS"): Promise<Service | undefined> => {
    const request = { serviceId: created?.id ?? "", serviceVersion: version ?? {}, spec: job, rollback };
    return (await control.UpdateService(request, localCall)).service;
  };
  const second = await update(created?.meta?.version, "NONE");
  expect(second?.jobStatus?.jobIteration).toEqual({ index: "1" });
  const third = await update(second?.meta?.version, "PREVIOUS");
  expect(third?.jobStatus?.jobIteration).toEqual({ index: "2" });
});

test("the status of a job counts the tasks of its present iteration only, the first one included", async () => {
  const { control, put } = controlFixture();
  const job = { annotations: { name: "j" }, replicatedJob: { maxConcurrent: "2", totalCompletions: "5" } };
  await put(services, { id: "j", spec: job, jobStatus: { jobIteration: {} } });
  await put(services, {
    id: "k",
    spec: { annotations: { name: "k" }, globalJob: {} },
    jobStatus: { jobIteration: { index: "3" } },
  });
  const task = (id: string, serviceId: string, state: TaskState, index?: string): Promise<Task> =>
    put(tasks, {
      id,
      serviceId,
      status: { state },
      desiredState: "COMPLETE",
      jobIteration: index === undefined ? {} : { index },
    });
  await task("1", "j", "COMPLETE");
  await task("2", "j", "RUNNING");
  await task("3", "k", "COMPLETE", "2");
  await task("4", "k", "COMPLETE", "3");
  await task("5", "k", "RUNNING", "3");
  const { statuses } = await control.ListServiceStatuses({ services: ["j", "k"] }, localCall);
  expect(statuses).toEqual([
    { serviceId: "j", desiredTasks: "2", runningTasks: "1", completedTasks: "1" },
    { serviceId: "k", desiredTasks: "1", runningTasks: "1", completedTasks: "1" },
  ]);
});
