import { dataLoss, isSwarmError, type SwarmError } from "@mswarm/runtime";

const remedy =
  "Do not start this manager with this log. If other managers are running, demote and remove this one and join it " +
  "again; if it was the only one, restore its state directory from a backup";

/**
 * The error of a log that cannot be trusted. `index` is the first Raft index that may be affected.
 */
export function damagedLog(what: string, index: number, cause?: unknown): SwarmError {
  return dataLoss(`raft log: ${what} (entries from index ${index} on may be affected). ${remedy}`, { cause });
}

/** The error of a record that could not be opened; a missing key stays what it is, for it can be supplied. */
export function damagedRecord(what: string, index: number, cause: unknown): SwarmError {
  return isSwarmError(cause, "FAILED_PRECONDITION") ? cause : damagedLog(`${what} is damaged`, index, cause);
}
