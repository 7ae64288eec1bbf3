import { services } from "@mswarm/store";
import type { ServiceSpec } from "@mswarm/wire";
import { expect, test } from "vitest";
import { localCall } from "./testing/control-fixture.ts";
import {
  configRef,
  host,
  populated,
  secretRef,
  spec,
  withContainer,
  withPorts,
  withTask,
} from "./testing/service-specs.ts";

const negative = { seconds: "-1" };

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
