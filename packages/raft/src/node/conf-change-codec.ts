// Membership changes as they stand in the log: raftpb.ConfChange with a RaftMember inside.
import { type Clock, dataLoss } from "@mswarm/runtime";
import { confChangeCodec, raftMemberCodec, type raftpb } from "@mswarm/wire";
import type { ConfChange, Entry } from "../core/messages.ts";
import type { Member } from "./state-machine.ts";

const wireTypes = {
  add: "ConfChangeAddNode",
  remove: "ConfChangeRemoveNode",
  update: "ConfChangeUpdateNode",
} as const;

const typesOnWire: Partial<Record<raftpb.ConfChangeType, ConfChange["type"]>> = {
  ConfChangeAddNode: "add",
  ConfChangeRemoveNode: "remove",
  ConfChangeUpdateNode: "update",
};

export function encodeConfChange(change: ConfChange): Buffer {
  return confChangeCodec.encode({
    id: change.id,
    type: wireTypes[change.type],
    nodeId: change.raftId,
    ...(change.context === undefined ? {} : { context: change.context }),
  });
}

/** Errors: DATA_LOSS for a change that cannot be read; nobody may go on without it. */
export function decodeConfChange(entry: Entry): ConfChange {
  try {
    const wire = confChangeCodec.decode(entry.data ?? Buffer.alloc(0));
    const type = typesOnWire[wire.type ?? "ConfChangeAddNode"];
    if (type === undefined) throw dataLoss(`changes of kind ${wire.type} are not known`);
    const context = wire.context === undefined || wire.context.length === 0 ? undefined : wire.context;
    return { id: wire.id ?? "0", type, raftId: wire.nodeId ?? "0", context };
  } catch (cause) {
    throw dataLoss(`raft: the change of membership at index ${entry.index} cannot be read`, { cause });
  }
}

/** The context of a change. `status` is empty but present, as SwarmKit writes it (wire reference 5.2). */
export function encodeMember(member: Member): Buffer {
  return raftMemberCodec.encode({ raftId: member.raftId, nodeId: member.nodeId, addr: member.address, status: {} });
}

/** The member a change speaks of. Only its raft id is sure to be there. */
export function memberOf(change: ConfChange): Member {
  const wire = change.context === undefined ? {} : raftMemberCodec.decode(change.context);
  return { raftId: change.raftId, nodeId: wire.nodeId ?? "", address: wire.addr ?? "" };
}

/**
 * Ids of proposed changes: 40 bits of milliseconds and a counter of 8 bits. Only the proposer looks at them.
 * Source: etcd pkg/idutil, with the member prefix 0 that SwarmKit uses (wire reference 5.7).
 */
export function requestIds(clock: Clock): () => string {
  let next = (BigInt(Math.floor(clock.now())) & 0xff_ffff_ffffn) << 8n;
  return () => {
    next += 1n;
    return next.toString();
  };
}
