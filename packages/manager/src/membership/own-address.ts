// A manager that came back at another address tells the group, which would go on looking for it at the old one.
import type { RaftNode } from "@mswarm/raft";
import type { Channel } from "@mswarm/rpc";
import { Backoff, type Clock, type Logger, messageOf, milliseconds, type Random, seconds } from "@mswarm/runtime";

export interface OwnAddressParts {
  readonly raft: RaftNode;
  /** host:port where the others can reach this manager now. */
  readonly address: string;
  /** A new channel to another manager. */
  readonly openChannel: (address: string) => Channel;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

const askTimeout = seconds(10);

/** Resolves when the group's configuration has the address, or this manager is no member; rejects when the signal aborts. */
export async function announceOwnAddress(parts: OwnAddressParts, signal: AbortSignal): Promise<void> {
  const { raft, address, clock, random, log } = parts;
  const pauses = new Backoff({ base: milliseconds(200), max: seconds(5) }, random);
  for (;;) {
    const self = raft.members().find(({ raftId }) => raftId === raft.self.raftId);
    if (self === undefined || self.address === address) return;
    try {
      if (raft.leadership.isLeader) await raft.updateMember({ ...self, address });
      else await askLeader(parts, signal);
    } catch (error) {
      log.info({ address, reason: messageOf(error) }, "the other managers do not know this manager's new address yet");
    }
    await clock.sleep(pauses.next(), signal);
  }
}

/** Only the leader takes it, and only from this manager itself: a follower may not pass on what a member says. */
async function askLeader({ raft, address, openChannel }: OwnAddressParts, signal: AbortSignal): Promise<void> {
  const leader = raft.members().find(({ raftId }) => raftId === raft.leadership.leaderId);
  if (leader === undefined) return;
  const channel = openChannel(leader.address);
  try {
    const { Join: join } = channel.client("docker.swarmkit.v1.RaftMembership");
    await join({ addr: address }, { signal, timeout: askTimeout });
  } finally {
    channel.close();
  }
}
