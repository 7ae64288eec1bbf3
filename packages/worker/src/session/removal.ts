import { isSwarmError } from "@mswarm/runtime";

/**
 * True for a manager's word that this very node was removed from the cluster. Managers of Docker and of mswarm say it
 * with the same text, within others. Source: wire reference 1.3.
 */
export function isRemoval(error: unknown, nodeId: string): boolean {
  return isSwarmError(error, "PERMISSION_DENIED") && error.message.includes(`node ${nodeId} was removed from swarm`);
}
