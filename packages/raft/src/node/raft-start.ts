// The three ways a member begins, and what each may find on its disk.
import { failedPrecondition, invariant } from "@mswarm/runtime";
import { bootstrapState } from "../core/config.ts";
import type { LogStore, RecoveredLog, StoredIdentity } from "../disk/log-store.ts";
import { encodeConfChange, encodeMember } from "./conf-change-codec.ts";
import type { Member } from "./state-machine.ts";

export type RaftStart =
  /** First member of a new group. */
  | { readonly kind: "bootstrap"; readonly self: Member }
  /** A new member of a group that has accepted it under `self.raftId`; `members` as its leader answered. */
  | { readonly kind: "join"; readonly self: Member; readonly members: readonly Member[] }
  /** Goes on with the log on disk. */
  | { readonly kind: "restart" };

export type RecoveredMember = RecoveredLog & { readonly identity: StoredIdentity };

/**
 * Loads the log and writes what a new member begins with.
 *
 * Errors: FAILED_PRECONDITION when the log belongs to somebody else, is already in use, or is missing.
 */
export async function recoverLog(start: RaftStart, store: LogStore): Promise<RecoveredMember> {
  const log = await store.load();
  if (start.kind === "restart") {
    if (log.identity === undefined) {
      throw failedPrecondition(
        "raft: this node has no raft log; it has to join the cluster again, under a new raft id",
      );
    }
    return { ...log, identity: log.identity };
  }
  const { self } = start;
  const members = start.kind === "join" ? start.members : [self];
  if (log.identity !== undefined && log.identity.self.raftId !== self.raftId) {
    throw failedPrecondition(
      `raft: the log on disk belongs to raft member ${log.identity.self.raftId}, not to ${self.raftId}`,
    );
  }
  // A crash after the identity was written leaves an empty log with an identity: the same start is then repeated.
  if (start.kind === "bootstrap" && log.hardState !== undefined) {
    throw failedPrecondition("raft: a new cluster cannot begin with the log of another one");
  }
  const identity = { self, members };
  await store.saveIdentity(identity);
  if (start.kind === "join") return { ...log, identity };
  const change = encodeConfChange({ id: "0", type: "add", raftId: self.raftId, context: encodeMember(self) });
  const { hardState, entries } = bootstrapState(change);
  invariant(hardState !== undefined, "a new cluster begins with a hard state");
  await store.append({ hardState, entries });
  return { identity, hardState, snapshot: undefined, entries };
}
