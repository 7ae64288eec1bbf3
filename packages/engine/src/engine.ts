// The container engine of a node, in our words. The real one is `dockerode-engine.ts`, the fake one in `fake/`; one
// contract suite runs over both.
import type { Duration } from "@mswarm/runtime";
import type { ContainerCreate, TransportProtocol } from "./container-create.ts";

/**
 * A container engine. Every operation may fail with UNAVAILABLE (the engine does not answer: try again later) or with
 * the engine's own refusal as INVALID_ARGUMENT, ALREADY_EXISTS, FAILED_PRECONDITION or INTERNAL, text unchanged. What
 * an absent or already changed container means is an answer, not a failure. An aborted signal rejects with its reason.
 */
export interface Engine {
  info(signal?: AbortSignal): Promise<EngineInfo>;
  /** Resolves when the engine answers; UNAVAILABLE otherwise. */
  ping(signal?: AbortSignal): Promise<void>;
  /** True when the image is on this engine; never asks a registry. */
  hasImage(reference: string, signal?: AbortSignal): Promise<boolean>;
  /**
   * Fetches an image from its registry. NOT_FOUND: no such image, or no access to it.
   *
   * @param credentials  base64url of Docker's auth object; absent: anonymous. Neither kept nor logged
   */
  pullImage(reference: string, credentials: string | undefined, signal?: AbortSignal): Promise<void>;
  /**
   * NOT_FOUND: the image is not here. INVALID_ARGUMENT: the engine refuses the settings, a bind source it does not see
   * among them.
   */
  createContainer(spec: ContainerCreate, signal?: AbortSignal): Promise<CreateAnswer>;
  startContainer(id: string, signal?: AbortSignal): Promise<StartAnswer>;
  /** Sends the stop signal and, after `grace`, SIGKILL; absent: the container's own grace. Resolves when it stands still. */
  stopContainer(id: string, grace: Duration | undefined, signal?: AbortSignal): Promise<StopAnswer>;
  /** Resolves when the container is not running: at once if it is not. */
  waitContainer(id: string, signal?: AbortSignal): Promise<WaitAnswer>;
  /** Undefined: there is no such container. */
  inspectContainer(id: string, signal?: AbortSignal): Promise<ContainerState | undefined>;
  /** Removes it with its anonymous volumes. Without `force` a running container is refused (FAILED_PRECONDITION). */
  removeContainer(id: string, options: { readonly force: boolean }, signal?: AbortSignal): Promise<RemoveAnswer>;
  /** Containers in any state that carry all of `labels`. */
  listContainers(labels: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<readonly ContainerSummary[]>;
  /** Ends after the last line, or with `follow` when the container stops. NOT_FOUND: no such container. */
  logs(id: string, options: LogOptions, signal?: AbortSignal): AsyncIterable<LogFrame>;
  /** What happens to containers from now on; some may be lost, so look again after a break. Ends or fails when the engine goes. */
  events(signal: AbortSignal): AsyncIterable<EngineEvent>;
}

export type CreateAnswer =
  | { readonly kind: "created"; readonly id: string }
  /** Another container has this name. */
  | { readonly kind: "name-in-use" };
export type StartAnswer = "started" | "already-running" | "no-such-container";
export type StopAnswer = "stopped" | "already-stopped" | "no-such-container";
export type WaitAnswer =
  | { readonly kind: "exited"; readonly exitCode: number }
  | { readonly kind: "no-such-container" };
export type RemoveAnswer = "removed" | "removal-in-progress" | "no-such-container";

export type ContainerStatusName = "created" | "running" | "paused" | "restarting" | "removing" | "exited" | "dead";
export type HealthStatus = "none" | "starting" | "healthy" | "unhealthy";

export interface ContainerState {
  readonly id: string;
  /** Without the leading slash. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly status: ContainerStatusName;
  /** True once it has been started, even if it has ended since. */
  readonly hasStarted: boolean;
  readonly exitCode: number;
  /** Why the engine could not run it; "" where nothing is wrong. */
  readonly error: string;
  /** 0 while it does not run. */
  readonly pid: number;
  /** "none": it has no health check. */
  readonly health: HealthStatus;
  readonly tty: boolean;
  readonly publishedPorts: readonly PublishedPort[];
}

export interface PublishedPort {
  readonly protocol: TransportProtocol;
  readonly containerPort: number;
  readonly hostPort: number;
}

export interface ContainerSummary {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly status: ContainerStatusName;
}

export interface LogOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly follow: boolean;
  /** Only lines after this moment. */
  readonly since?: LogTimestamp;
  /** Only the last `tail` lines of both streams together, before one of them is chosen; absent: all. */
  readonly tail?: number;
}

/** Seconds since the Unix epoch and nanoseconds: finer than an Instant, as the wire wants it. */
export interface LogTimestamp {
  readonly seconds: string;
  readonly nanos: number;
}

export interface LogFrame {
  readonly stream: "stdout" | "stderr";
  readonly timestamp: LogTimestamp | undefined;
  /** One line with its line end, or a part of a very long one. */
  readonly data: Buffer;
  /** Attributes the log driver was told to add. */
  readonly attributes: readonly { readonly key: string; readonly value: string }[];
}

export interface EngineEvent {
  readonly containerId: string;
  readonly action: "start" | "die" | "destroy" | "oom" | "health";
}

export interface EngineInfo {
  readonly name: string;
  readonly version: string;
  /** As `uname -m` says. */
  readonly architecture: string;
  readonly operatingSystem: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Labels of the engine, `key=value`. */
  readonly labels: readonly string[];
  readonly plugins: readonly { readonly type: string; readonly name: string }[];
  readonly genericResources: readonly EngineGenericResource[];
  /** True when container root is another user on the host. */
  readonly remapsUsers: boolean;
  /** True while the engine itself is a node of a swarm. */
  readonly inSwarm: boolean;
}

export type EngineGenericResource =
  | { readonly kind: string; readonly named: string }
  | { readonly kind: string; readonly count: number };
