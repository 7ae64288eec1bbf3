// Bodies for the swarm routes: good ones with one place changed, which get further than noise does.
import { pick, type Random } from "@mswarm/runtime";

/** Every field that a service can have. Its task fits no node: nobody has to run what comes of it. */
const service = {
  Name: "fuzz-0",
  Labels: { a: "b" },
  TaskTemplate: {
    ContainerSpec: {
      Image: "app:1",
      Labels: { a: "b" },
      Command: ["sleep"],
      Args: ["1"],
      Hostname: "{{.Node.Hostname}}",
      Env: ["A=1"],
      Dir: "/",
      User: "0",
      Groups: ["1"],
      Privileges: {
        CredentialSpec: { Config: "c", File: "", Registry: "" },
        SELinuxContext: { Disable: true, User: "", Role: "", Type: "", Level: "" },
        Seccomp: { Mode: "custom", Profile: "e30=" },
        AppArmor: { Mode: "disabled" },
        NoNewPrivileges: true,
      },
      StopSignal: "TERM",
      TTY: false,
      OpenStdin: false,
      ReadOnly: true,
      Mounts: [
        { Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 1, Mode: 511, Options: [["a"]] } },
        {
          Type: "volume",
          Source: "v",
          Target: "/v",
          VolumeOptions: { NoCopy: true, Labels: {}, Subpath: "s", DriverConfig: { Name: "d", Options: { a: "b" } } },
        },
        { Type: "bind", Source: "/a", Target: "/b", Consistency: "cached", BindOptions: { Propagation: "rslave" } },
      ],
      StopGracePeriod: 1,
      Healthcheck: { Test: ["CMD", "true"], Interval: 1_000_000, Timeout: 1_000_000, StartPeriod: 0, Retries: 1 },
      Hosts: ["1.2.3.4 a"],
      DNSConfig: { Nameservers: ["1.1.1.1"], Search: ["a"], Options: ["b"] },
      Secrets: [{ SecretID: "x", SecretName: "y", File: { Name: "f", UID: "0", GID: "0", Mode: 292 } }],
      Configs: [{ ConfigID: "x", ConfigName: "y", File: { Name: "f", UID: "0", GID: "0", Mode: 292 } }],
      Isolation: "default",
      Init: true,
      Sysctls: { a: "1" },
      CapabilityAdd: ["CAP_CHOWN"],
      CapabilityDrop: ["ALL"],
      Ulimits: [{ Name: "nofile", Hard: 2, Soft: 1 }],
    },
    Resources: {
      Limits: { NanoCPUs: 1_000_000, MemoryBytes: 6_291_456, Pids: 1 },
      Reservations: {
        NanoCPUs: 1_000_000,
        MemoryBytes: 6_291_456,
        GenericResources: [
          { DiscreteResourceSpec: { Kind: "gpu", Value: 1 } },
          { NamedResourceSpec: { Kind: "gpu", Value: "a" } },
        ],
      },
    },
    RestartPolicy: { Condition: "none", Delay: 1, MaxAttempts: 1, Window: 1 },
    Placement: {
      Constraints: ["node.labels.never==1"],
      Preferences: [{ Spread: { SpreadDescriptor: "node.labels.a" } }],
      MaxReplicas: 1,
      Platforms: [{ Architecture: "amd64", OS: "linux" }],
    },
    Networks: [{ Target: "host", Aliases: ["a"], DriverOpts: { a: "b" } }],
    LogDriver: { Name: "json-file", Options: { a: "b" } },
    ForceUpdate: 1,
    Runtime: "container",
  },
  Mode: { Replicated: { Replicas: 1 } },
  UpdateConfig: {
    Parallelism: 1,
    Delay: 1,
    FailureAction: "pause",
    Monitor: 1,
    MaxFailureRatio: 0.1,
    Order: "start-first",
  },
  RollbackConfig: { Parallelism: 1, FailureAction: "continue", MaxFailureRatio: 0, Order: "stop-first" },
  EndpointSpec: {
    Mode: "vip",
    Ports: [{ Name: "p", Protocol: "tcp", TargetPort: 1, PublishedPort: 2, PublishMode: "host" }],
  },
};
/** One that is taken as it is. */
const plainService = {
  Name: "fuzz-0",
  TaskTemplate: {
    ContainerSpec: { Image: "app:1", Env: ["A=1"], Mounts: service.TaskTemplate.ContainerSpec.Mounts.slice(2) },
    Placement: { Constraints: ["node.labels.never==1"] },
    RestartPolicy: { Condition: "none" },
  },
  Mode: { Replicated: { Replicas: 1 } },
  EndpointSpec: { Mode: "dnsrr" },
};
const payload = {
  Name: "fuzz-0",
  Labels: { a: "b" },
  Data: "aGVsbG8=",
  Templating: { Name: "golang", Options: { a: "b" } },
};
const node = { Name: "", Labels: { a: "b" }, Role: "manager", Availability: "active" };
const swarm = {
  Name: "default",
  Labels: { a: "b" },
  Orchestration: { TaskHistoryRetentionLimit: 5 },
  Raft: {
    SnapshotInterval: 10_000,
    KeepOldSnapshots: 0,
    LogEntriesForSlowFollowers: 500,
    ElectionTick: 10,
    HeartbeatTick: 1,
  },
  Dispatcher: { HeartbeatPeriod: 5_000_000_000 },
  CAConfig: {
    NodeCertExpiry: 7_776_000_000_000_000,
    ExternalCAs: [],
    SigningCACert: "",
    SigningCAKey: "",
    ForceRotate: 0,
  },
  TaskDefaults: { LogDriver: { Name: "json-file", Options: {} } },
  EncryptionConfig: { AutoLockManagers: false },
};
const init = {
  ListenAddr: "nowhere:1",
  AdvertiseAddr: "192.0.2.1",
  DataPathAddr: "",
  DataPathPort: 0,
  DefaultAddrPool: [],
  SubnetSize: 24,
  ForceNewCluster: false,
  Spec: swarm,
  AutoLockManagers: false,
  Availability: "active",
};
const join = {
  ListenAddr: "nowhere:1",
  AdvertiseAddr: "192.0.2.1",
  DataPathAddr: "",
  RemoteAddrs: ["127.0.0.1:1"],
  JoinToken: `SWMTKN-1-${"0".repeat(50)}-${"0".repeat(25)}`,
  Availability: "active",
};
const network = {
  Name: "n",
  Driver: "bridge",
  Scope: "local",
  Internal: false,
  IPAM: { Config: [{ Subnet: "10.0.0.0/8" }] },
};

/** By what a path ends in or begins with. */
const specs: readonly (readonly [RegExp, readonly unknown[]])[] = [
  [/^\/services/, [service, plainService, plainService]],
  [/^\/(secrets|configs)/, [payload]],
  [/^\/nodes/, [node]],
  [/^\/swarm\/init/, [init]],
  [/^\/swarm\/join/, [join]],
  [/^\/swarm\/unlock/, [{ UnlockKey: "SWMKEY-1-x" }]],
  [/^\/swarm/, [swarm]],
  [/^\/networks/, [network]],
];

/** JSON that `JSON.stringify` does not write. */
const verbatim = [
  "9".repeat(30),
  "-9223372036854775809",
  "18446744073709551616",
  "1e400",
  "-0",
  "1.0",
  "1E2",
  '"\\ud800"',
  '"\\u0000"',
  "[[[[]]]]",
  `${"[".repeat(300)}${"]".repeat(300)}`,
  "tru",
  "01",
  "'a'",
  "\u00ff",
];
/** How often the words of a spec may be had. Docker makes as many tasks as it is asked for, and so do we. */
const counts: ReadonlySet<string> = new Set(["Replicas", "MaxConcurrent", "TotalCompletions"]);
const values: readonly unknown[] = [
  ...["", "a", "x/y", "x".repeat(5_000), "é🙂", "{{", "{{.Node.ID}}", "\u0000", "none", "A=1"],
  ...[0, 1, -1, 1.5, 2 ** 31, 2 ** 53, 1e300, true, false],
  ...[null, [], {}, [null], [{}], { a: null }, ["a", 1], { a: { b: { c: [] } } }],
];

/** A body for the path, with at most one place changed. */
export function nearlyGoodBody(path: string, random: Random): string {
  const found = specs.find(([pattern]) => pattern.test(path))?.[1] ?? [service];
  const spec = structuredClone(pick(found, random)) as Record<string, unknown>;
  if ("Name" in spec && !path.startsWith("/swarm")) spec["Name"] = `fuzz-${random.below(5)}`;
  if (random.below(4) === 0) return JSON.stringify(spec);
  const places = placesOf(spec);
  const place = pick(places, random);
  const marks: string[] = [];
  change(place, random, (text) => {
    marks.push(text);
    return "@verbatim@";
  });
  return marks.reduce((body, text) => body.replace('"@verbatim@"', () => text), JSON.stringify(spec));
}

interface Place {
  readonly within: Record<string, unknown>;
  readonly key: string;
}

function placesOf(value: unknown): readonly Place[] {
  if (typeof value !== "object" || value === null) return [];
  const within = value as Record<string, unknown>;
  return Object.keys(within).flatMap((key) => [{ within, key }, ...placesOf(within[key])]);
}

function change({ within, key }: Place, random: Random, asVerbatim: (text: string) => string): void {
  const old = within[key];
  switch (random.below(6)) {
    case 0:
      delete within[key];
      return;
    case 1:
      within[key] = counts.has(key) ? -1 : asVerbatim(pick(verbatim, random));
      return;
    case 2:
      // Said twice, in another spelling.
      within[random.below(2) === 0 ? key.toLowerCase() : key.toUpperCase()] = old;
      return;
    case 3:
      within[key] = [old, old];
      return;
    case 4:
      within[`${key}X`] = pick(values, random);
      return;
    default:
      within[key] = counts.has(key) ? pick([0, 1, 2, -1, 1.5, "1", null], random) : pick(values, random);
  }
}
