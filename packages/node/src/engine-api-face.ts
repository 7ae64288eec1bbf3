// Docker's face on this node: what it asks of the manager and of the daemon, without a connection in between.
import {
  type ControlClient,
  EngineApiServer,
  type FaceContext,
  faceRoutes,
  type LogsClient,
  type NodeState,
  SwarmEvents,
  serviceUnavailable,
  type WatchClient,
} from "@mswarm/engine-api";
import { type BoundMethod, localClient } from "@mswarm/rpc";
import { type Clock, type Duration, type Logger, seconds, unimplemented } from "@mswarm/runtime";
import type { ServiceName } from "@mswarm/wire";
import { parseHostPort } from "./addresses.ts";
import { unixPath } from "./daemon-options.ts";
import { daemonService } from "./daemon-service.ts";
import { managerMethod } from "./manager-proxy.ts";
import type { Membership } from "./membership.ts";

export interface EngineApiFaceParts {
  readonly membership: Membership;
  readonly clock: Clock;
  readonly log: Logger;
}

/** As long as Docker waits for its manager. Source: moby daemon/cluster/cluster.go, swarmRequestTimeout. */
const requestTimeout: Duration = seconds(20);

/** The served face. */
export interface EngineApiFace {
  /** Stops listening; what is still open after `graceful` is cut off. */
  close(graceful: Duration): Promise<void>;
}

/** Serves `--api`. Errors: those of `EngineApiServer.listen`. */
export async function createEngineApiFace(parts: EngineApiFaceParts): Promise<EngineApiFace> {
  const { membership, clock, log } = parts;
  const { options } = membership;
  const context = faceContext(parts);
  const events = new SwarmEvents({ context, clock, log });
  const followed: typeof context = {
    ...context,
    control: async () => {
      const control = await context.control();
      await events.following();
      return control;
    },
  };
  const enginePath = unixPath(options.engine, "--engine");
  const server = new EngineApiServer({ routes: faceRoutes(events), enginePath, context: followed, clock, log });
  await server.listen(unixPath(options.api, "--api"));
  events.start();
  return {
    close: async (graceful) => {
      await server.close(graceful);
      await events.close();
    },
  };
}

function faceContext({ membership, clock, log }: EngineApiFaceParts): Omit<FaceContext, "engine"> {
  const client = <N extends ServiceName>(name: N): ReturnType<typeof localClient<N>> =>
    localClient(name, {
      find: (path) => managerMethod(membership.manager(), path),
      clock,
      log,
      timeout: requestTimeout,
      lifetime: () => membership.node?.manager?.lifetime,
    });
  const clients = {
    control: client("docker.swarmkit.v1.Control"),
    logs: client("docker.swarmkit.v1.Logs"),
    watch: client("docker.swarmkit.v1.Watch"),
  };
  const ofManager = async <C>(wanted: C): Promise<C> => {
    await membership.started();
    const manager = membership.manager();
    const { state } = membership;
    if (state.kind === "error") throw serviceUnavailable(state.reason);
    if (typeof manager === "string") throw serviceUnavailable(manager);
    return wanted;
  };
  return {
    clock,
    log,
    started: () => membership.started(),
    nodeState: () => nodeStateOf(membership),
    control: () => ofManager<ControlClient>(clients.control),
    logs: () => ofManager<LogsClient>(clients.logs),
    watch: () => ofManager<WatchClient>(clients.watch),
    daemon: localClient("mswarm.v1.Daemon", { find: methodOf(daemonService(membership).methods), clock, log }),
  };
}

function methodOf(methods: readonly BoundMethod[]): (path: string) => BoundMethod {
  const byPath = new Map(methods.map((method) => [method.path, method]));
  return (path) => {
    const method = byPath.get(path);
    if (method === undefined) throw unimplemented(`the daemon does not serve ${path}`);
    return method;
  };
}

function nodeStateOf({ state, credentials, settings, node }: Membership): NodeState {
  const identity = credentials?.identity;
  return {
    kind: state.kind,
    error: state.kind === "error" ? state.reason : "",
    nodeId: identity?.nodeId ?? "",
    clusterId: identity?.clusterId ?? "",
    nodeAddress: settings === undefined ? "" : parseHostPort(settings.advertiseAddress).host,
    isManager: state.kind === "active" && node?.manager !== undefined,
    remoteManagers: node?.knownManagers ?? [],
  };
}
