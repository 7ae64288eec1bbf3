// Who votes. One change at a time, so that any two consecutive majorities overlap (thesis 4.1).
import type { ConfChange, RaftId } from "./messages.ts";

/** Numeric order of raft ids. */
export function compareIds(a: RaftId, b: RaftId): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * The voters after `change`; the same list when nothing changes: adding a member, removing a stranger, updating an
 * address. The last voter cannot be removed: a log that asks for it leaves the voters as they are.
 */
export function changedVoters(voters: readonly RaftId[], change: ConfChange): readonly RaftId[] {
  const isVoter = voters.includes(change.raftId);
  switch (change.type) {
    case "add":
      return isVoter ? voters : [...voters, change.raftId].sort(compareIds);
    case "remove":
      return isVoter && voters.length > 1 ? voters.filter((id) => id !== change.raftId) : voters;
    case "update":
      return voters;
  }
}
