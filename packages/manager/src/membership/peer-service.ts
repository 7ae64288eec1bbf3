// The mswarm.v1.Peer service. Not forwarded: Hello is about the manager that answers.

import type { RaftId } from "@mswarm/raft";
import { type PolicyTable, roles, type ServiceOf } from "@mswarm/rpc";
import { permissionDenied } from "@mswarm/runtime";
import type { Handlers } from "@mswarm/wire";

type PeerHandlers = Handlers["mswarm.v1.Peer"];

export const peerPolicy: PolicyTable<PeerHandlers> = {
  Hello: roles("swarm-worker", "swarm-manager"),
  AnnounceLeave: roles("swarm-worker", "swarm-manager"),
};

export interface PeerServiceParts {
  /** Version of this daemon. */
  readonly version: string;
  /** This manager's node id, for calls on its control socket. */
  readonly nodeId: string;
  /** The raft id under which this manager has lost nothing: it has its log, or has not begun one; `"0"` otherwise. */
  raftId(): RaftId;
  /** Tells the dispatcher of the leader. */
  announceLeave(nodeId: string, sessionId: string | undefined): Promise<void>;
}

export function peerService(parts: PeerServiceParts): ServiceOf<PeerHandlers> {
  return {
    Hello: async () => ({ version: parts.version, raftId: parts.raftId() }),
    AnnounceLeave: async (request, { caller }) => {
      const nodeId = caller.isLocal ? parts.nodeId : caller.identity?.nodeId;
      if (nodeId === undefined) throw permissionDenied("no client certificates in request");
      await parts.announceLeave(nodeId, request.sessionId);
      return {};
    },
  };
}
