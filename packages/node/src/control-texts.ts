// What dockerd says when this node cannot do what was asked. Source: wire reference 9.6; tools compare these texts.

export const notInSwarm = "This node is not part of a swarm";
export const alreadyInSwarm =
  'This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join another one.';

const notManager = "This node is not a swarm manager. ";

/** What a manager's call is told on a node that runs no manager. */
export const managerNeeded: Readonly<Record<"inactive" | "worker" | "pending", string>> = {
  inactive: `${notManager}Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.`,
  worker: `${notManager}Worker nodes can't be used to view or modify cluster state. Please run this command on a manager node or promote the current node to a manager.`,
  pending: `${notManager}Manager is being prepared or has trouble connecting to the cluster.`,
};

export const lockedText =
  'Swarm is encrypted and needs to be unlocked before it can be used. Please use "docker swarm unlock" to unlock it.';
export const expiredText = "Swarm certificates have expired. To replace them, leave the swarm and join again.";
/** Ours: dockerd says nothing of it. */
export const removedText =
  "This node was removed from its swarm, and its tasks were stopped. To come back, leave the swarm and join again.";
export const joinTimeout =
  'Timeout was reached before node joined. The attempt to join the swarm will continue in the background. Use the "docker info" command to see the current swarm status of your node.';

const leaveHint =
  "The only way to restore a swarm that has lost consensus is to reinitialize it with `--force-new-cluster`. Use `--force` to suppress this message.";

/** What a manager is told that wants to leave without `--force`. */
export function managerLeaveText(state: {
  readonly managers: number;
  readonly reachable: number;
  readonly isActive: boolean;
}): string {
  const start = "You are attempting to leave the swarm on a node that is participating as a manager. ";
  const { managers, reachable, isActive } = state;
  if (!isActive) return `${start}Doing so may lose the consensus of your cluster. ${leaveHint}`;
  if (managers <= 1) {
    return `${start}Removing the last manager erases all current state of the swarm. Use \`--force\` to ignore this message. `;
  }
  const breaksQuorum = reachable - 1 <= managers / 2;
  const consequence = breaksQuorum
    ? `Removing this node leaves ${reachable - 1} managers out of ${managers}. Without a Raft quorum your swarm will be inaccessible. `
    : "";
  return `${start}${consequence}${leaveHint}`;
}
