// Majorities, as pure functions.
import type { RaftId } from "./messages.ts";

/** How many of `members` make a majority. */
export const quorumOf = (members: number): number => Math.floor(members / 2) + 1;

export type VoteResult = "won" | "lost" | "pending";

/** Counts the votes of `voters`; votes of others do not count. Nobody can win without voters. */
export function voteResult(voters: readonly RaftId[], votes: ReadonlyMap<RaftId, boolean>): VoteResult {
  const granted = voters.filter((id) => votes.get(id) === true).length;
  const refused = voters.filter((id) => votes.get(id) === false).length;
  const needed = quorumOf(voters.length);
  if (granted >= needed) return "won";
  return voters.length - refused < needed ? "lost" : "pending";
}

/** The highest index that a majority has reached, given each voter's; at least one voter. */
export function majorityIndex(indexes: readonly number[]): number {
  return [...indexes].sort((a, b) => b - a)[quorumOf(indexes.length) - 1] ?? 0;
}
