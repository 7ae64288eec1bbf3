// Managers that run Docker Engine: this node can be a worker among them, and no manager.
import type { Channel } from "@mswarm/rpc";
import { isSwarmError, messageOf, seconds, unavailable } from "@mswarm/runtime";
import { version } from "./version.ts";

const helloTimeout = seconds(5);

/** What a promoted node is and says. */
export const promotionRefused = (nodeId: string): string =>
  `this node was promoted, but the managers of this cluster run Docker Engine and mswarm cannot share a quorum with them yet: it goes on as a worker. Docker cannot demote it, because it never joined the quorum: to make it a plain worker, mswarm leave, docker node rm --force ${nodeId}, and join again`;

/** What a node is told that joins with the manager token. */
export const joinAsManagerRefused = (nodeId: string): string =>
  `the managers of this cluster run Docker Engine and mswarm cannot share a quorum with them yet: join with the worker token (docker swarm join-token worker). This attempt has left an entry with them: docker node rm --force ${nodeId}`;

/**
 * Asks all of them at once; the first answer counts, since a quorum is never mixed.
 * UNAVAILABLE: none has answered.
 *
 * @param addresses  at least one
 * @param openChannel  a new verified channel to an address
 */
export async function managersRunDocker(
  addresses: readonly string[],
  openChannel: (address: string) => Channel,
  signal: AbortSignal,
): Promise<boolean> {
  const answered = new AbortController();
  const either = AbortSignal.any([signal, answered.signal]);
  try {
    return await Promise.any(addresses.map((address) => runsDocker(openChannel(address), either)));
  } catch (error) {
    const [first] = error instanceof AggregateError ? error.errors : [error];
    throw unavailable(`no manager has said whether it runs mswarm or Docker Engine: ${messageOf(first)}`);
  } finally {
    answered.abort();
  }
}

async function runsDocker(channel: Channel, signal: AbortSignal): Promise<boolean> {
  try {
    await channel.client("mswarm.v1.Peer").Hello({ version }, { signal, timeout: helloTimeout });
    return false;
  } catch (error) {
    // A service that Docker does not have.
    if (isSwarmError(error, "UNIMPLEMENTED")) return true;
    throw error;
  } finally {
    channel.close();
  }
}
