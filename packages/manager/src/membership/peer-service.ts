// The mswarm.v1.Peer service. Not forwarded: Hello is about the manager that answers.

import type { RaftId } from "@mswarm/raft";
import { type PolicyTable, roles, type ServiceOf } from "@mswarm/rpc";
import { permissionDenied } from "@mswarm/runtime";
import type { Handlers, mswarm } from "@mswarm/wire";

type HelloRequest = mswarm.HelloRequest;
type PeerHandlers = Handlers["mswarm.v1.Peer"];

export const peerPolicy: PolicyTable<PeerHandlers> = {
  Hello: roles("swarm-worker", "swarm-manager"),
  AnnounceLeave: roles("swarm-worker", "swarm-manager"),
  RetractJoin: roles("swarm-worker", "swarm-manager"),
};

export interface PeerServiceParts {
  /** Version of this daemon. */
  readonly version: string;
  /** This manager's node id, for calls on its control socket. */
  readonly nodeId: string;
  /** Random, of this manager since its start. */
  readonly instance: string;
  /** Another manager greets. Errors: those of `LiveManagers.greet`. */
  greeted(nodeId: string, greeting: HelloRequest): void;
  /** The raft id under which this manager has lost nothing: it has its log, or has not begun one; `"0"` otherwise. */
  raftId(): RaftId;
  /** Of the leader. Errors: those of `retractJoin`. */
  retractJoin(nodeId: string): Promise<void>;
  /** Tells the dispatcher of the leader. */
  announceLeave(nodeId: string, sessionId: string | undefined): Promise<void>;
}

export function peerService(parts: PeerServiceParts): ServiceOf<PeerHandlers> {
  return {
    Hello: async (request, { caller }) => {
      if (caller.identity?.role === "swarm-manager") parts.greeted(caller.identity.nodeId, request);
      return { version: parts.version, raftId: parts.raftId(), instance: parts.instance };
    },
    AnnounceLeave: async (request, { caller }) => {
      const nodeId = caller.isLocal ? parts.nodeId : caller.identity?.nodeId;
      if (nodeId === undefined) throw permissionDenied("no client certificates in request");
      await parts.announceLeave(nodeId, request.sessionId);
      return {};
    },
    RetractJoin: async (_request, { caller }) => {
      if (caller.identity === undefined) throw permissionDenied("no client certificates in request");
      await parts.retractJoin(caller.identity.nodeId);
      return {};
    },
  };
}
