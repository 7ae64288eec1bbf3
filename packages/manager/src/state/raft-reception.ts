// Which messages of other managers reach the Raft node. A manager's certificate is not enough: it outlives a demotion.
import type { RaftMessage, RaftNode } from "@mswarm/raft";
import { noRaftId } from "@mswarm/raft";
import type { Call } from "@mswarm/rpc";
import { invalidArgument, notFound, permissionDenied, type SwarmError } from "@mswarm/runtime";
import type { raftpb } from "@mswarm/wire";
import { messageFromWire } from "./raft-message-codec.ts";

export interface RaftReceptionParts {
  /** Undefined before this manager is a member: messages are then dropped. */
  readonly node: () => RaftNode | undefined;
  /** True for a node that the cluster records as a worker. */
  readonly isDemoted: (nodeId: string) => boolean;
  /** Fails with INVALID_ARGUMENT for what could not be applied. */
  readonly checkPayloads: (message: RaftMessage) => void;
}

/**
 * How far a message may be ahead of this member's term. A term near 2^53 would leave no room for elections; honest
 * members campaign a few times a second at most, and would need weeks to come this far.
 */
const termLeapMax = 16_777_216;

/** The text by which a manager learns that it was removed. Source: swarmkit manager/state/raft/membership. */
export function memberRemoved(): SwarmError {
  return notFound("raft: member was removed from the cluster");
}

export class RaftReception {
  readonly #parts: RaftReceptionParts;

  constructor(parts: RaftReceptionParts) {
    this.#parts = parts;
  }

  get node(): RaftNode | undefined {
    return this.#parts.node();
  }

  /**
   * Gives a message to the node, or drops it. Source: swarmkit manager/state/raft/raft.go, ProcessRaftMessage (wire
   * reference 5.5).
   *
   * Errors: those of `requireSender`; INVALID_ARGUMENT for a message that makes no sense.
   */
  receive(wire: raftpb.Message, call: Call): void {
    const { node } = this;
    this.requireSender(wire, call);
    const message = messageFromWire(wire);
    if (node === undefined || message === undefined || !isWelcome(node, message)) return;
    if (message.term > node.leadership.term + termLeapMax) {
      throw invalidArgument(`raft: term ${message.term} is too far ahead of ${node.leadership.term}`);
    }
    this.#parts.checkPayloads(message);
    node.step(message);
  }

  /**
   * Errors: NOT_FOUND when the sender was removed from Raft, PERMISSION_DENIED when a node speaks in another member's
   * name, or is no manager any more.
   */
  requireSender({ from = noRaftId }: raftpb.Message, { caller }: Call): void {
    const { node } = this;
    if (node === undefined) return;
    if (node.isRemoved(from)) throw memberRemoved();
    const { identity } = caller;
    if (identity === undefined) return;
    const sender = node.members().find(({ raftId }) => raftId === from);
    if (sender !== undefined && sender.nodeId !== identity.nodeId) {
      throw permissionDenied(`raft: member ${from} is not node ${identity.nodeId}`);
    }
    if (sender === undefined && this.#parts.isDemoted(identity.nodeId)) {
      throw permissionDenied(`Permission denied: node ${identity.nodeId} is not a manager of this cluster`);
    }
  }
}

function isWelcome(node: RaftNode, message: RaftMessage): boolean {
  if (message.to !== node.self.raftId) return false;
  // Followers do not forward proposals, so nobody may send one.
  if (message.type === "prop") return false;
  if (node.members().some(({ raftId }) => raftId === message.from)) return true;
  // A leader that joined while this member was away is not known here yet. Nobody else is listened to, and even a leader
  // not while there is another.
  const isLeaders = message.type === "app" || message.type === "heartbeat" || message.type === "snap";
  const { leaderId } = node.leadership;
  return isLeaders && (leaderId === noRaftId || leaderId === message.from);
}
