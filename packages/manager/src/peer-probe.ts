// Asks a manager under its own address who it is: the call back of Raft's join (wire 5.3).

import type { Channel } from "@mswarm/rpc";
import { failedPrecondition, isSwarmError, permissionDenied } from "@mswarm/runtime";
import type { PeerProbe } from "./membership/join.ts";

/** @param openChannel  a new verified channel to an address */
export function peerProbe(openChannel: (address: string) => Channel, version: string): PeerProbe {
  const ask = async <R>(address: string, nodeId: string, question: (channel: Channel) => Promise<R>): Promise<R> => {
    const channel = openChannel(address);
    try {
      const answer = await question(channel);
      if (channel.peer?.nodeId !== nodeId) {
        throw permissionDenied(`the manager at ${address} is not node ${nodeId}`);
      }
      return answer;
    } finally {
      channel.close();
    }
  };
  return {
    checkHealth: (address, nodeId, signal) =>
      ask(address, nodeId, async (channel) => {
        const { status } = await channel.client("docker.swarmkit.v1.Health").Check({ service: "Raft" }, { signal });
        if (status !== "SERVING") throw failedPrecondition(`health check returned status ${status ?? "UNKNOWN"}`);
      }),
    helloPeer: (address, nodeId, signal) =>
      ask(address, nodeId, async (channel) => {
        try {
          const { Hello: hello } = channel.client("mswarm.v1.Peer");
          const { raftId = "0", instance = "" } = await hello({ version }, { signal });
          return { raftId, instance };
        } catch (error) {
          if (isSwarmError(error, "UNIMPLEMENTED")) return undefined;
          throw error;
        }
      }),
  };
}
