import type { Server as NetServer } from "node:net";
import { type Clock, type Duration, type Logger, messageOf, permissionDenied, unavailable } from "@mswarm/runtime";
import { AcceptedConnection } from "./accepted-connection.ts";
import type { ClusterView } from "./authorization.ts";
import { CallBudget } from "./call-budget.ts";
import { AdmittedCalls } from "./call-gate.ts";
import { ConnectionBudget } from "./connection-budget.ts";
import { Forwarding } from "./forwarding.ts";
import { createGrpcServer, type GrpcMethod } from "./grpc-server.ts";
import { defaultLimits, type RpcLimits } from "./limits.ts";
import { grpcHandler } from "./method-handlers.ts";
import type { PeerVerifier } from "./peer-verifier.ts";
import { PendingBytes } from "./pending-bytes.ts";
import type { BoundService } from "./service.ts";
import { TlsAcceptor } from "./tls-acceptor.ts";
import type { TlsMaterial } from "./tls-material.ts";
import { listenOnUnixSocket } from "./unix-listener.ts";

export interface RpcServerOptions {
  /** What the server presents; handshakes fail while it is empty. */
  readonly tls: TlsMaterial;
  readonly verifier: PeerVerifier;
  readonly services: readonly BoundService[];
  /** Id of this node's cluster; "" while it belongs to none, which refuses every role. */
  clusterId(): string;
  /** True for a node that was removed from the cluster. */
  isRemoved(nodeId: string): boolean;
  /** True for a current member of the Raft group; a forwarded call of one is refused. */
  isRaftMember?(nodeId: string): boolean;
  /** True for a node that the cluster records as a worker; a manager's certificate of it counts as a worker's. */
  isDemoted?(nodeId: string): boolean;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits?: Partial<RpcLimits>;
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface RpcServer {
  /** Port 0 chooses one. Rejects with UNAVAILABLE when the address is taken or not ours. May be called repeatedly. */
  listenTcp(address: ListenAddress): Promise<ListenAddress>;
  /** Mode 0660. A socket file that nobody answers on is replaced; one in use rejects with FAILED_PRECONDITION. */
  listenUnix(path: string): Promise<void>;
  /** Ends all connections of a node, calls and streams included, at once; also those whose handshake is under way. */
  disconnect(nodeId: string): void;
  /** Stops listening, lets open calls finish for at most `graceful` (zero where absent), then ends everything. */
  close(graceful?: Duration): Promise<void>;
}

function listenOnTcp(server: NetServer, { host, port }: ListenAddress): Promise<ListenAddress> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => reject(unavailable(`cannot listen on ${host}:${port}: ${messageOf(error)}`)));
    server.listen(port, host, () => {
      const bound = server.address();
      resolve(typeof bound === "object" && bound !== null ? { host: bound.address, port: bound.port } : { host, port });
    });
  });
}

/** A server of `services`. It listens nowhere yet. */
export function createRpcServer(options: RpcServerOptions): RpcServer {
  const { tls, verifier, services, clock, log } = options;
  const limits: RpcLimits = { ...defaultLimits, ...options.limits };
  const cluster: ClusterView = {
    clusterId: () => options.clusterId(),
    isRemoved: (nodeId) => options.isRemoved(nodeId),
    isRaftMember: (nodeId) => options.isRaftMember?.(nodeId) ?? false,
    isDemoted: (nodeId) => options.isDemoted?.(nodeId) ?? false,
  };
  const admitted = new AdmittedCalls();
  const handlerParts = { admitted, forwarding: new Forwarding(clock), log };
  const bound = services.flatMap((service) => service.methods);
  const methods = bound.map(
    (method): GrpcMethod => ({ path: method.path, kind: method.kind, handler: grpcHandler(method, handlerParts) }),
  );
  const connectionParts = {
    strangers: createGrpcServer(methods, limits.strangers),
    workers: createGrpcServer(methods, limits.workers),
    managers: createGrpcServer(methods, limits.managers),
    policies: new Map(bound.map((method) => [method.path, method.policy])),
    cluster,
    admitted,
    calls: new CallBudget(limits.workerCalls, clock, log),
    pending: new PendingBytes(),
    limits,
    clock,
    log,
  };

  const connections = new Set<AcceptedConnection>();
  const acceptorParts: ConstructorParameters<typeof TlsAcceptor>[0] = {
    tls,
    verifier,
    budget: new ConnectionBudget(limits),
    limits,
    clock,
    log,
    onConnection: (socket, peer, release) => {
      const connection = new AcceptedConnection(socket, peer, connectionParts, () => {
        release();
        connections.delete(connection);
      });
      connections.add(connection);
    },
  };
  const network = new TlsAcceptor(acceptorParts, false);
  const local = new TlsAcceptor(acceptorParts, true);
  const listeners: NetServer[] = [];

  return {
    listenTcp(address) {
      const listener = network.createListener();
      listeners.push(listener);
      return listenOnTcp(listener, address);
    },

    async listenUnix(path) {
      const listener = local.createListener();
      listeners.push(listener);
      await listenOnUnixSocket(listener, path);
    },

    disconnect(nodeId) {
      admitted.endOf(nodeId, permissionDenied(`Permission denied: node ${nodeId} was removed from swarm`));
      for (const connection of [...connections]) {
        if (connection.peer.identity?.nodeId === nodeId) connection.destroy();
      }
    },

    async close(graceful) {
      const closed = listeners.map((listener) => new Promise<void>((resolve) => listener.close(() => resolve())));
      network.close();
      local.close();
      for (const connection of [...connections]) connection.drain();
      const endAll = (): void => {
        network.destroyAll();
        local.destroyAll();
      };
      const timer = graceful === undefined ? undefined : clock.timer(graceful, endAll);
      if (graceful === undefined) endAll();
      // A listener is closed once its last connection is.
      await Promise.all(closed);
      timer?.cancel();
    },
  };
}
