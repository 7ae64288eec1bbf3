// What a new container shall be, in our words. It covers what a swarm ContainerSpec can say and nothing else.
import type { Duration } from "@mswarm/runtime";

export interface ContainerCreate {
  /** Unique on the engine; 1 to 128 characters of `[a-zA-Z0-9][a-zA-Z0-9_.-]`. */
  readonly name: string;
  /** Image reference, with tag or digest where one is wanted. Must be present on the engine. */
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Absent: the image's own. */
  readonly entrypoint?: readonly string[];
  /** Absent: the image's own. */
  readonly command?: readonly string[];
  /** `NAME=value` each. */
  readonly env: readonly string[];
  readonly workingDirectory?: string;
  /** `user[:group]`, names or numbers. */
  readonly user?: string;
  /** Supplementary groups, names or numbers. */
  readonly groups: readonly string[];
  /** Absent: the first twelve characters of the container id. */
  readonly hostname?: string;
  readonly tty: boolean;
  readonly openStdin: boolean;
  /** Signal name or number; absent: the image's, or SIGTERM. */
  readonly stopSignal?: string;
  /** Time between that signal and SIGKILL, where a stop names none; absent: the engine's 10 s. Whole seconds. */
  readonly stopGrace?: Duration;
  /** Absent: the image's own check, if it has one. */
  readonly healthcheck?: ContainerHealthcheck;
  readonly mounts: readonly ContainerMount[];
  readonly readOnlyRoot: boolean;
  /** True: the engine's init process is PID 1. Absent: the engine's default. */
  readonly init?: boolean;
  readonly resources: ContainerResources;
  readonly capabilitiesAdd: readonly string[];
  readonly capabilitiesDrop: readonly string[];
  readonly dns: ContainerDns;
  /** Additional lines of /etc/hosts as `name:address`. */
  readonly extraHosts: readonly string[];
  readonly sysctls: Readonly<Record<string, string>>;
  /** Docker's `--security-opt` values. */
  readonly securityOptions: readonly string[];
  /** Absent: the engine's default. */
  readonly logDriver?: ContainerLogDriver;
  readonly ports: readonly ContainerPort[];
  /** Name of a network of the engine; absent: the engine's default network. */
  readonly network?: string;
  /** `default`; on Windows also `process` or `hyperv`. Absent: the engine's default. */
  readonly isolation?: string;
}

export interface ContainerHealthcheck {
  /** `["NONE"]` switches it off, `["CMD", …]`, `["CMD-SHELL", line]`; empty: the image's own. */
  readonly test: readonly string[];
  readonly interval?: Duration;
  readonly timeout?: Duration;
  readonly startPeriod?: Duration;
  /** Engines before 25 do not know it. */
  readonly startInterval?: Duration;
  readonly retries?: number;
}

export type ContainerMount = BindMount | VolumeMount | TmpfsMount;

interface MountTarget {
  /** Absolute path in the container. */
  readonly target: string;
  readonly readOnly: boolean;
}

export type BindPropagation = "rprivate" | "private" | "rshared" | "shared" | "rslave" | "slave";

export interface BindMount extends MountTarget {
  readonly type: "bind";
  /** Absolute path on the engine's host; must exist there unless `createSource`. */
  readonly source: string;
  readonly propagation?: BindPropagation;
  readonly nonRecursive?: boolean;
  readonly createSource?: boolean;
  readonly readOnlyNonRecursive?: boolean;
  readonly readOnlyForceRecursive?: boolean;
}

export interface VolumeMount extends MountTarget {
  readonly type: "volume";
  /** Volume name; empty makes an anonymous one, which goes with its container. */
  readonly source: string;
  readonly noCopy: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly driver?: { readonly name: string; readonly options: Readonly<Record<string, string>> };
  readonly subpath?: string;
}

export interface TmpfsMount extends MountTarget {
  readonly type: "tmpfs";
  /** Absent: without limit. */
  readonly sizeBytes?: number;
  /** Permission bits. */
  readonly mode?: number;
}

export interface ContainerResources {
  /** Billionths of a cpu. */
  readonly nanoCpus?: number;
  readonly memoryBytes?: number;
  /** Memory and swap together; -1: unlimited swap. */
  readonly memoryAndSwapBytes?: number;
  /** 0 to 100. */
  readonly memorySwappiness?: number;
  readonly pidsLimit?: number;
  readonly oomScoreAdjustment?: number;
  readonly ulimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
}

export interface ContainerDns {
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

export interface ContainerLogDriver {
  readonly name: string;
  readonly options: Readonly<Record<string, string>>;
}

export type TransportProtocol = "tcp" | "udp" | "sctp";

export interface ContainerPort {
  readonly protocol: TransportProtocol;
  readonly containerPort: number;
  /** 0: the engine chooses a free one. */
  readonly hostPort: number;
  /** Address of the host to bind; absent: all. */
  readonly hostAddress?: string;
}
