// What messages of other managers carry is read once before Raft sees it: an entry that cannot be applied must not come
// into the log, where it would stop this manager at every start.
import { decodeConfChange, type Entry, type RaftMessage } from "@mswarm/raft";
import { invalidArgument, messageOf } from "@mswarm/runtime";
import { internalRaftRequestCodec, raftMemberCodec } from "@mswarm/wire";
import { decodeSnapshot } from "./snapshot-codec.ts";

function readEntry(entry: Entry): void {
  if (entry.data === undefined) return;
  if (entry.type === "normal") {
    internalRaftRequestCodec.decode(entry.data);
    return;
  }
  const { context } = decodeConfChange(entry);
  if (context !== undefined) raftMemberCodec.decode(context);
}

/** Errors: INVALID_ARGUMENT for an entry, a change of membership or a snapshot that cannot be read. */
export function checkPayloads({ entries, snapshot }: RaftMessage): void {
  try {
    for (const entry of entries) readEntry(entry);
    if (snapshot !== undefined) decodeSnapshot(snapshot.data);
  } catch (cause) {
    throw invalidArgument(`raft: a message cannot be applied: ${messageOf(cause)}`, { cause });
  }
}
