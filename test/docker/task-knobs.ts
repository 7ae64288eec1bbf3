// Everything that a service can turn about what its tasks get, and where a task sees that it was turned.

import type { TaskRequest } from "../support/task-batch.ts";

export interface Knob extends TaskRequest {
  /** Sections of a `Readback` that are others than in a task with nothing asked, on Docker and here: all of them. */
  readonly changes: readonly string[];
}

/** The task that all others are compared with. */
export const nothing: Knob = { name: "nothing", changes: [] };

const ofTask = (name: string, task: object, changes: readonly string[]): Knob => ({ name, task, changes });
const knob = (name: string, container: object, changes: readonly string[]): Knob => ({ name, container, changes });
const mounted = (name: string, mount: object, changes: readonly string[] = ["files", "mounts"]): Knob =>
  knob(name, { Mounts: [mount] }, changes);

const capable = ["attempts", "capabilities"];
const processKnobs: readonly Knob[] = [
  knob("cap-add", { CapabilityAdd: ["CAP_NET_ADMIN", "CAP_SYS_TIME"] }, capable),
  knob("cap-add-sys-admin", { CapabilityAdd: ["SYS_ADMIN"] }, capable),
  knob("cap-drop", { CapabilityDrop: ["CAP_MKNOD", "CAP_CHOWN"] }, capable),
  // Machines of clouds lack this one, and no engine can then give it.
  knob("cap-add-all", { CapabilityAdd: ["ALL"], CapabilityDrop: ["CAP_SYS_RESOURCE"] }, capable),
  knob("cap-drop-all", { CapabilityDrop: ["ALL"] }, capable),
  knob("cap-drop-all-but-one", { CapabilityDrop: ["ALL"], CapabilityAdd: ["CAP_CHOWN"] }, capable),
  knob("user", { User: "1000:1001" }, ["attempts", "capabilities", "files", "identity"]),
  knob("user-without-group", { User: "1000" }, ["attempts", "capabilities", "files", "identity"]),
  knob("groups", { Groups: ["5", "6"] }, ["identity"]),
  knob("init", { Init: true }, ["init", "mounts"]),
  knob("no-init", { Init: false }, []),
  knob("tty", { TTY: true }, ["environment", "mounts", "terminal"]),
  knob("stdin", { OpenStdin: true }, ["terminal"]),
  knob("read-only", { ReadOnly: true }, ["attempts", "files", "mounts"]),
  knob("isolation", { Isolation: "default" }, []),
  knob("selinux-disabled", { Privileges: { SELinuxContext: { Disable: true } } }, ["engine"]),
  knob("env", { Env: ["A=b", "EMPTY=", "BARE", 'J={"a": 1}'] }, ["environment"]),
  knob("dir", { Dir: "/etc" }, ["identity"]),
  knob("health", { Healthcheck: { Test: ["CMD-SHELL", "test -e /dev/shm/report"], Interval: 500_000_000 } }, [
    "health",
  ]),
  knob("no-health", { Healthcheck: { Test: ["NONE"] } }, []),
];

const limitKnobs: readonly Knob[] = [
  knob(
    "ulimits",
    {
      Ulimits: [
        { Name: "nofile", Soft: 100, Hard: 200 },
        { Name: "nproc", Soft: 3000, Hard: 4000 },
        { Name: "core", Soft: 0, Hard: 0 },
        { Name: "memlock", Soft: 65536, Hard: 131072 },
      ],
    },
    ["limits"],
  ),
  knob(
    "sysctls",
    {
      Sysctls: { "net.core.somaxconn": "512", "net.ipv4.ip_unprivileged_port_start": "1024", "kernel.msgmax": "9000" },
    },
    ["sysctls"],
  ),
  ofTask("limit-memory", { Resources: { Limits: { MemoryBytes: 67_108_864 } } }, ["cgroup"]),
  ofTask("limit-cpu", { Resources: { Limits: { NanoCPUs: 250_000_000 } } }, ["cgroup"]),
  ofTask("limit-pids", { Resources: { Limits: { Pids: 40 } } }, ["cgroup"]),
  // The scheduler's affair: Docker does not tell its engine.
  ofTask("reserve", { Resources: { Reservations: { NanoCPUs: 10_000_000, MemoryBytes: 16_777_216 } } }, []),
];

const networkKnobs: readonly Knob[] = [
  knob("dns", { DNSConfig: { Nameservers: ["192.0.2.1", "192.0.2.2"] } }, ["resolver"]),
  knob("dns-search", { DNSConfig: { Search: ["example.com", "example.org"] } }, ["resolver"]),
  knob("dns-option", { DNSConfig: { Options: ["ndots:2", "timeout:3"] } }, ["resolver"]),
  knob("hosts", { Hosts: ["10.1.2.3 alpha", "::1 gamma"] }, ["hosts"]),
  knob("hostname", { Hostname: "named-{{.Task.Slot}}" }, ["environment", "hostname", "hosts"]),
  ofTask("network-host", { Networks: [{ Target: "host" }] }, [
    ...["environment", "hostname", "hosts"],
    "interfaces",
    "sysctls",
  ]),
];

const bind = { Type: "bind", Target: "/bound" };
const volume = { Type: "volume", Target: "/data" };
const tmpfs = { Type: "tmpfs", Target: "/scratch" };
const mountKnobs: readonly Knob[] = [
  mounted("bind", { ...bind, Source: "@folder" }),
  mounted("bind-read-only", { ...bind, Source: "@folder", ReadOnly: true }),
  mounted("bind-not-recursive", { ...bind, Source: "@folder", BindOptions: { NonRecursive: true } }),
  ...["rprivate", "private", "rshared", "shared", "rslave", "slave"].map((Propagation) =>
    mounted(`bind-${Propagation}`, { ...bind, Source: "@folder", BindOptions: { Propagation } }),
  ),
  mounted("volume", { ...volume, Source: "plain" }, ["mounts"]),
  mounted("volume-without-name", volume, ["mounts"]),
  mounted("volume-no-copy", { ...volume, Source: "empty", VolumeOptions: { NoCopy: true } }),
  mounted("volume-read-only", { ...volume, Source: "sealed", ReadOnly: true }),
  mounted("volume-of-driver", {
    ...volume,
    Source: "sized",
    VolumeOptions: {
      DriverConfig: { Name: "local", Options: { type: "tmpfs", device: "tmpfs", o: "size=2m,mode=710" } },
    },
  }),
  mounted("tmpfs", tmpfs),
  mounted("tmpfs-size", { ...tmpfs, TmpfsOptions: { SizeBytes: 1_048_576 } }),
  mounted("tmpfs-mode", { ...tmpfs, TmpfsOptions: { Mode: 0o1750 } }),
  mounted("tmpfs-read-only", { ...tmpfs, ReadOnly: true }),
];

const file = (Name: string, Mode: number, UID = "0", GID = "0") => ({ Name, Mode, UID, GID });
const secret = (SecretName: string, File: object) => ({ SecretID: `@${SecretName}`, SecretName, File });
const config = (ConfigName: string, File: object) => ({ ConfigID: `@${ConfigName}`, ConfigName, File });
const fileKnobs: readonly Knob[] = [
  knob("secret", { Secrets: [secret("password", file("password", 0o444))] }, ["files", "mounts"]),
  knob(
    "secrets",
    {
      Secrets: [
        secret("password", file("other", 0o440, "7", "8")),
        secret("token", file("/files/absolute", 0o700, "1000")),
      ],
    },
    ["files", "mounts"],
  ),
  knob("secret-of-user", { User: "1000", Secrets: [secret("password", file("mine", 0o400, "1000"))] }, [
    ...["attempts", "capabilities", "files", "identity", "mounts"],
  ]),
  knob("secret-twice", { Secrets: [secret("token", file("read", 0o444)), secret("token", file("own", 0o400, "7"))] }, [
    "files",
    "mounts",
  ]),
  knob("config", { Configs: [config("page", file("settings", 0o444))] }, ["files", "mounts"]),
  knob("configs", { Configs: [config("page", file("/files/page", 0o640, "9", "10"))] }, ["files", "mounts"]),
];

const chatter = { Env: ["CHATTER=500"] };
const json = (options: object) => ({ LogDriver: { Name: "json-file", Options: options } });
const logKnobs: readonly Knob[] = [
  ofTask("log-none", { LogDriver: { Name: "none" } }, ["engine", "log"]),
  ofTask("log-local", { LogDriver: { Name: "local" } }, ["engine"]),
  {
    ...knob("log-details", { Labels: { tier: "front" }, Env: ["WHO=me"] }, ["engine", "environment", "log"]),
    task: json({ labels: "tier", env: "WHO", tag: "{{.ImageName}}" }),
  },
  { ...knob("log-chatter", chatter, ["environment"]) },
  {
    ...knob("log-size", chatter, ["engine", "environment", "log"]),
    task: json({ "max-size": "4k", "max-file": "2" }),
  },
];

/** What API 1.41 has, and Linux. */
export const knobs: readonly Knob[] = [
  ...[...processKnobs, ...limitKnobs, ...networkKnobs],
  ...[...mountKnobs, ...fileKnobs, ...logKnobs],
];

/** What an engine takes that announces API 1.44. */
export const newerKnobs: readonly Knob[] = [
  knob("no-new-privileges", { Privileges: { NoNewPrivileges: true } }, ["confinement", "engine"]),
  knob("seccomp-unconfined", { Privileges: { Seccomp: { Mode: "unconfined" } } }, [
    "attempts",
    "confinement",
    "engine",
  ]),
  knob("seccomp-default", { Privileges: { Seccomp: { Mode: "default" } } }, []),
  knob("apparmor-disabled", { Privileges: { AppArmor: { Mode: "disabled" } } }, ["engine"]),
];
