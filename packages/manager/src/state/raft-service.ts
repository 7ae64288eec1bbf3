// What other managers call: Raft messages one by one as Docker sends them, in batches as mswarm does, and addresses.
import type { RaftMessage, RaftNode } from "@mswarm/raft";
import type { Call, ServiceOf } from "@mswarm/rpc";
import { invalidArgument, notFound, permissionDenied, resourceExhausted, type SwarmError } from "@mswarm/runtime";
import type { Handlers, raftpb } from "@mswarm/wire";
import { messageFromWire } from "./raft-message-codec.ts";

export interface RaftServiceParts {
  /** Undefined before this manager is a member: messages are then dropped. */
  readonly node: () => RaftNode | undefined;
}

/** Largest snapshot taken from a peer, in bytes. A cluster of 1,000 nodes and 30,000 tasks needs about a tenth of it. */
const snapshotBytesMax = 1_073_741_824;

/** The text by which a manager learns that it was removed. Source: swarmkit manager/state/raft/membership. */
export function memberRemoved(): SwarmError {
  return notFound("raft: member was removed from the cluster");
}

/**
 * Gives a message to the node, or drops it. Source: swarmkit manager/state/raft/raft.go, ProcessRaftMessage (wire
 * reference 5.5).
 *
 * Errors: NOT_FOUND when the sender was removed, PERMISSION_DENIED when another manager speaks in a member's name.
 */
function receive(node: RaftNode | undefined, wire: raftpb.Message, call: Call): void {
  const message = messageFromWire(wire);
  if (node === undefined || message === undefined) return;
  if (node.isRemoved(message.from)) throw memberRemoved();
  const sender = node.members().find(({ raftId }) => raftId === message.from);
  const { identity } = call.caller;
  if (sender !== undefined && identity !== undefined && sender.nodeId !== identity.nodeId) {
    throw permissionDenied(`raft: member ${message.from} is not node ${identity.nodeId}`);
  }
  if (isWelcome(node, message, sender !== undefined)) node.step(message);
}

function isWelcome(node: RaftNode, message: RaftMessage, isMember: boolean): boolean {
  if (message.to !== node.self.raftId) return false;
  // Followers do not forward proposals, so nobody may send one.
  if (message.type === "prop") return false;
  return isMember || (message.type !== "vote" && message.type !== "pre-vote");
}

/** Puts the chunks of one call together: each is the whole message with the next slice of the snapshot's data. */
class ChunkedMessage {
  #first: raftpb.Message | undefined;
  readonly #slices: Buffer[] = [];
  #bytes = 0;

  add(message: raftpb.Message): void {
    const first = this.#first;
    if (first === undefined) {
      this.#first = message;
    } else {
      if (message.type !== "MsgSnap") {
        throw invalidArgument("Raft message chunk is not of type MsgSnap");
      }
      if (message.index !== first.index) {
        throw invalidArgument(
          `Raft message chunk with index ${message.index ?? 0} is different from the previously received raft message index ${first.index ?? 0}`,
        );
      }
    }
    const slice = message.snapshot?.data;
    if (slice === undefined) return;
    this.#bytes += slice.length;
    if (this.#bytes > snapshotBytesMax) throw resourceExhausted("raft: the snapshot is too large");
    this.#slices.push(slice);
  }

  /** Undefined when there was no chunk at all. */
  get whole(): raftpb.Message | undefined {
    const first = this.#first;
    if (first === undefined || this.#slices.length < 2) return first;
    return { ...first, snapshot: { ...first.snapshot, data: Buffer.concat(this.#slices) } };
  }
}

/** `docker.swarmkit.v1.Raft`, for managers only. */
export function raftService({ node }: RaftServiceParts): ServiceOf<Handlers["docker.swarmkit.v1.Raft"]> {
  return {
    async ProcessRaftMessage({ message }, call) {
      if (message !== undefined) receive(node(), message, call);
      return {};
    },
    async StreamRaftMessage(requests, call) {
      const chunked = new ChunkedMessage();
      for await (const { message } of requests) if (message !== undefined) chunked.add(message);
      const { whole } = chunked;
      if (whole !== undefined) receive(node(), whole, call);
      return {};
    },
    async ResolveAddress({ raftId = "0" }) {
      const member = node()
        ?.members()
        .find((candidate) => candidate.raftId === raftId);
      if (member === undefined) throw notFound(`member ${BigInt(raftId).toString(16)} not found`);
      return { addr: member.address };
    },
  };
}

/** `mswarm.v1.RaftTransport`, for managers only: one long-lived stream from each other manager. */
export function raftTransportService({ node }: RaftServiceParts): ServiceOf<Handlers["mswarm.v1.RaftTransport"]> {
  return {
    async Stream(batches, call) {
      for await (const { messages = [] } of batches) for (const message of messages) receive(node(), message, call);
      return {};
    },
  };
}
