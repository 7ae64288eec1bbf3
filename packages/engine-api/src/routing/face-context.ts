// What handlers may use.
import type { ClientOf } from "@mswarm/rpc";
import type { Clock, Logger } from "@mswarm/runtime";
import type { Handlers } from "@mswarm/wire";
import type { EngineHttp } from "./engine-http.ts";

/** The manager's objects. Its failures are SwarmErrors with the manager's text, which clients see as gRPC errors. */
export type ControlClient = ClientOf<Handlers["docker.swarmkit.v1.Control"]>;
export type LogsClient = ClientOf<Handlers["docker.swarmkit.v1.Logs"]>;
export type WatchClient = ClientOf<Handlers["docker.swarmkit.v1.Watch"]>;
/** This node's daemon. Its failures are SwarmErrors; `plainly` gives them Docker's form without a gRPC prefix. */
export type DaemonClient = ClientOf<Handlers["mswarm.v1.Daemon"]>;

/** This node's part in a cluster. */
export interface NodeState {
  /** Names as in Docker's LocalNodeState. */
  readonly kind: "inactive" | "pending" | "active" | "error" | "locked";
  /** What keeps it from being active, in a sentence; "" where nothing does. */
  readonly error: string;
  /** "" in no cluster. */
  readonly nodeId: string;
  readonly clusterId: string;
  /** The address other nodes know this one by, without a port; "" in no cluster. */
  readonly nodeAddress: string;
  /** True while this node runs a manager: ControlAvailable. */
  readonly isManager: boolean;
  /** Managers this node knows, itself included if it is one; `host:port`. */
  readonly remoteManagers: readonly { readonly nodeId: string; readonly address: string }[];
}

export interface FaceContext {
  readonly clock: Clock;
  readonly log: Logger;
  /** The local engine. */
  readonly engine: EngineHttp;
  nodeState(): NodeState;
  /**
   * Resolves when this node is again what it was before its daemon's start, or has had time enough for it: Docker's API
   * answers nobody before. Whoever acts on the node's part in a cluster waits for it.
   */
  started(): Promise<void>;
  /**
   * The control API: answered on this node where it leads, forwarded to the leader otherwise.
   * Errors: HttpError 503 with Docker's text on a node that runs no manager, is locked, or is not ready.
   */
  control(): Promise<ControlClient>;
  /** Logs of services and tasks. Errors as `control`. */
  logs(): Promise<LogsClient>;
  /** Changes of the cluster's objects, as this manager sees them. Errors as `control`. */
  watch(): Promise<WatchClient>;
  /** Membership of this node: init, join, leave, unlock, status. */
  readonly daemon: DaemonClient;
}
