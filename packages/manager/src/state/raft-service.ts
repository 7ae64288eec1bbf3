// What other managers call: Raft messages one by one as Docker sends them, in batches as mswarm does, and addresses.
import type { ServiceOf } from "@mswarm/rpc";
import { notFound } from "@mswarm/runtime";
import type { Handlers } from "@mswarm/wire";
import { ArrivingMessages } from "./chunked-message.ts";
import type { LiveManagers } from "./live-managers.ts";
import { RaftReception, type RaftReceptionParts } from "./raft-reception.ts";

/** `docker.swarmkit.v1.Raft`, for managers only. */
export function raftService(parts: RaftReceptionParts): ServiceOf<Handlers["docker.swarmkit.v1.Raft"]> {
  const reception = new RaftReception(parts);
  const arriving = new ArrivingMessages();
  return {
    async ProcessRaftMessage({ message }, call) {
      if (message !== undefined) reception.receive(message, call);
      return {};
    },
    async StreamRaftMessage(requests, call) {
      const nodeId = call.caller.identity?.nodeId ?? "";
      const chunked = arriving.begin(nodeId);
      try {
        for await (const { message } of requests) {
          if (message === undefined) continue;
          // Before anything is kept.
          reception.requireSender(message, call);
          chunked.add(message);
          arriving.grown(nodeId, chunked);
        }
        const { whole } = chunked;
        if (whole !== undefined) reception.receive(whole, call);
        return {};
      } finally {
        arriving.end(nodeId, chunked);
      }
    },
    async ResolveAddress({ raftId = "0" }) {
      const member = reception.node?.members().find((candidate) => candidate.raftId === raftId);
      if (member === undefined) throw notFound(`member ${BigInt(raftId).toString(16)} not found`);
      return { addr: member.address };
    },
  };
}

/** `mswarm.v1.RaftTransport`, for managers only: one long-lived stream from each other manager. */
export function raftTransportService(
  parts: RaftReceptionParts,
  live?: LiveManagers,
): ServiceOf<Handlers["mswarm.v1.RaftTransport"]> {
  const reception = new RaftReception(parts);
  return {
    async Stream(batches, call) {
      const ended = live?.streamBegan(call.caller.identity?.nodeId ?? "");
      try {
        for await (const { messages = [] } of batches) for (const message of messages) reception.receive(message, call);
        return {};
      } finally {
        ended?.();
      }
    },
  };
}
