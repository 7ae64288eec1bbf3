import type { TLSSocket } from "node:tls";
import type { Server as GrpcServer } from "@grpc/grpc-js";
import type { Clock, Logger, Timer } from "@mswarm/runtime";
import type { ClusterView, ConnectionPeer } from "./authorization.ts";
import type { CallBudget } from "./call-budget.ts";
import { type AdmittedCalls, callGate } from "./call-gate.ts";
import { addressKey } from "./connection-budget.ts";
import { type ServedConnection, serveConnection } from "./grpc-server.ts";
import type { RpcLimits } from "./limits.ts";
import type { PendingBytes } from "./pending-bytes.ts";
import type { Policy } from "./policy.ts";

export interface ConnectionParts {
  /** One gRPC server for each kind of peer, because grpc-js takes limits for a whole server. */
  readonly strangers: GrpcServer;
  readonly workers: GrpcServer;
  readonly managers: GrpcServer;
  readonly policies: ReadonlyMap<string, Policy>;
  readonly cluster: ClusterView;
  readonly admitted: AdmittedCalls;
  readonly calls: CallBudget;
  readonly pending: PendingBytes;
  readonly limits: RpcLimits;
  readonly clock: Clock;
  readonly log: Logger;
}

function kindOf(peer: ConnectionPeer): "strangers" | "workers" | "managers" {
  if (peer.isLocal) return "managers";
  if (peer.identity === undefined) return "strangers";
  return peer.identity.role === "swarm-manager" ? "managers" : "workers";
}

/** The host of `ip:port` or `[ip]:port`. */
const hostOf = (address: string): string => address.slice(0, address.lastIndexOf(":")).replace(/^\[(.*)\]$/, "$1");

/** A connection whose peer is known, from its first HTTP/2 byte to its end. */
export class AcceptedConnection {
  readonly peer: ConnectionPeer;
  readonly #socket: TLSSocket;
  readonly #served: ServedConnection;
  readonly #timers: Timer[] = [];

  constructor(socket: TLSSocket, peer: ConnectionPeer, parts: ConnectionParts, onClose: () => void) {
    const { limits, clock } = parts;
    const kind = kindOf(peer);
    const isStranger = kind === "strangers";
    this.peer = peer;
    this.#socket = socket;

    let idle: Timer | undefined;
    const watchIdle = (open: number): void => {
      idle?.cancel();
      idle = open === 0 ? clock.timer(limits.strangerIdleTimeout, () => this.destroy()) : undefined;
    };
    if (isStranger) {
      watchIdle(0);
      this.#timers.push(clock.timer(limits.strangerLifetime, () => this.destroy()));
    }
    const { maxPendingBytes, maxStreams } = limits[kind];
    // On the control socket everybody is the same; nobody else is called "".
    const owner = peer.identity?.nodeId ?? (peer.isLocal ? "" : addressKey(hostOf(peer.remoteAddress)));
    const gate = callGate({
      ...parts,
      peer,
      pending: () => parts.pending.open(owner, maxPendingBytes),
      maxCalls: maxStreams,
      requestTimeout: isStranger ? limits.strangerRequestTimeout : undefined,
      onStreams: isStranger ? watchIdle : () => undefined,
    });
    socket.once("close", () => {
      idle?.cancel();
      for (const timer of this.#timers) timer.cancel();
      this.#served.release();
      onClose();
    });
    this.#served = serveConnection(parts[kind], socket, gate);
  }

  /** Takes no new calls; ends with the last open one. */
  drain(): void {
    this.#served.drain();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
