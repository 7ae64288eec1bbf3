// RaftMessage and raftpb.Message, into each other. The only place where 64-bit wire numbers become JavaScript numbers.
import type { Entry, MessageType, RaftMessage, Snapshot } from "@mswarm/raft";
import { invalidArgument } from "@mswarm/runtime";
import type { raftpb } from "@mswarm/wire";

const wireTypes = {
  app: "MsgApp",
  "app-resp": "MsgAppResp",
  vote: "MsgVote",
  "vote-resp": "MsgVoteResp",
  "pre-vote": "MsgPreVote",
  "pre-vote-resp": "MsgPreVoteResp",
  heartbeat: "MsgHeartbeat",
  "heartbeat-resp": "MsgHeartbeatResp",
  snap: "MsgSnap",
  "timeout-now": "MsgTimeoutNow",
  prop: "MsgProp",
} as const satisfies Record<MessageType, raftpb.MessageType>;

const typesOnWire: ReadonlyMap<raftpb.MessageType, MessageType> = new Map(
  (Object.entries(wireTypes) as [MessageType, raftpb.MessageType][]).map(([type, wire]) => [wire, type]),
);

const entryTypes = { normal: "EntryNormal", "conf-change": "EntryConfChange" } as const;

function entryToWire({ type, term, index, data }: Entry): raftpb.Entry {
  // An absent data must stay absent: Go tells nil from empty (wire reference 12, trap 10).
  const entry = { Type: entryTypes[type], Term: String(term), Index: String(index) };
  return data === undefined ? entry : { ...entry, Data: data };
}

export function snapshotToWire({ meta, data }: Snapshot): raftpb.Snapshot {
  const confState = { voters: [...meta.voters] };
  return { data, metadata: { confState, index: String(meta.index), term: String(meta.term) } };
}

/** The message as it travels. Zero scalars are written out, as Go writes them. */
export function messageToWire(message: RaftMessage): raftpb.Message {
  const { entries, context, snapshot } = message;
  return {
    type: wireTypes[message.type],
    to: message.to,
    from: message.from,
    term: String(message.term),
    logTerm: String(message.logTerm),
    index: String(message.index),
    commit: String(message.commit),
    reject: message.reject,
    rejectHint: String(message.rejectHint),
    ...(entries.length === 0 ? {} : { entries: entries.map(entryToWire) }),
    ...(context === undefined ? {} : { context }),
    ...(snapshot === undefined ? {} : { snapshot: snapshotToWire(snapshot) }),
  };
}

function numberOf(text: string | undefined, field: string): number {
  const value = Number(text ?? "0");
  if (!Number.isSafeInteger(value) || value < 0)
    throw invalidArgument(`raft message: ${field} ${text} is out of range`);
  return value;
}

function entryFromWire(wire: raftpb.Entry): Entry {
  const wireType = wire.Type ?? "EntryNormal";
  if (wireType === "EntryConfChangeV2") throw invalidArgument("raft message: joint membership changes are not known");
  return {
    type: wireType === "EntryConfChange" ? "conf-change" : "normal",
    term: numberOf(wire.Term, "entry term"),
    index: numberOf(wire.Index, "entry index"),
    data: wire.Data,
  };
}

export function snapshotFromWire(wire: raftpb.Snapshot): Snapshot {
  const { metadata = {} } = wire;
  return {
    meta: {
      index: numberOf(metadata.index, "snapshot index"),
      term: numberOf(metadata.term, "snapshot term"),
      voters: metadata.confState?.voters ?? [],
    },
    data: wire.data ?? Buffer.alloc(0),
  };
}

/**
 * The message that arrived; undefined for kinds that members do not send to each other. The empty snapshot that Docker
 * 20.10 puts into every message is left out.
 *
 * Errors: INVALID_ARGUMENT for numbers beyond 2^53 and for entries of an unknown kind.
 */
export function messageFromWire(wire: raftpb.Message): RaftMessage | undefined {
  const type = typesOnWire.get(wire.type ?? "MsgHup");
  if (type === undefined) return undefined;
  const context = wire.context !== undefined && wire.context.length > 0 ? wire.context : undefined;
  return {
    type,
    to: wire.to ?? "0",
    from: wire.from ?? "0",
    term: numberOf(wire.term, "term"),
    logTerm: numberOf(wire.logTerm, "logTerm"),
    index: numberOf(wire.index, "index"),
    commit: numberOf(wire.commit, "commit"),
    reject: wire.reject ?? false,
    rejectHint: numberOf(wire.rejectHint, "rejectHint"),
    entries: (wire.entries ?? []).map(entryFromWire),
    ...(context === undefined ? {} : { context }),
    ...(type === "snap" && wire.snapshot !== undefined ? { snapshot: snapshotFromWire(wire.snapshot) } : {}),
  };
}

const messageOverhead = 128;
const entryOverhead = 32;
const snapshotOverhead = 64;
const voterBytes = 12;

/** About as many bytes as the message will take on the wire, never less. */
export function sizeOfMessage(message: RaftMessage): number {
  const { context, snapshot } = message;
  let size = messageOverhead + (context?.length ?? 0);
  if (snapshot !== undefined)
    size += snapshotOverhead + voterBytes * snapshot.meta.voters.length + snapshot.data.length;
  for (const entry of message.entries) size += entryOverhead + (entry.data?.length ?? 0);
  return size;
}
