// A follower passes a call to the leader. Source: wire reference 1.4; the rules are DESIGN 7, rule 2.
import { type Clock, isSwarmError, milliseconds, resourceExhausted, seconds } from "@mswarm/runtime";
import type { ByteCallOptions } from "./byte-calls.ts";
import type { Channel } from "./channel.ts";
import type { CallMetadata } from "./client.ts";
import type { IncomingCall } from "./incoming-call.ts";
import type { LeaderForwarder } from "./leader-forwarder.ts";
import { headerNames } from "./metadata.ts";
import type { BoundMethod } from "./service.ts";

// SwarmKit polls every 500 ms; elections among mswarm managers are often over before that.
const firstLeaderPoll = milliseconds(50);
const longestLeaderPoll = milliseconds(500);
const healthTimeout = seconds(5);

/**
 * The headers of a forward, made of what we know ourselves: nothing the caller sent is among them. A call of the
 * control socket is this manager's own and carries no forwarded identity. `redirect` forbids a second hop.
 */
export function forwardHeaders(call: Pick<IncomingCall, "caller" | "user">): CallMetadata {
  const { identity, remoteAddress, isLocal } = call.caller;
  const user = call.user === undefined ? {} : { [headerNames.user]: call.user };
  if (isLocal) return { [headerNames.redirect]: "@", ...user };
  return {
    [headerNames.redirect]: remoteAddress,
    [headerNames.forwarded]: "true",
    // Empty for a stranger: without them the leader would take the call for one of ours.
    [headerNames.nodeId]: identity?.nodeId ?? "",
    [headerNames.clusterId]: identity?.clusterId ?? "",
    ...(identity === undefined ? {} : { [headerNames.role]: identity.role }),
    [headerNames.remoteAddress]: remoteAddress,
    ...user,
  };
}

const connectionFailure = /is closing|the connection is unavailable|connection error/;

export class Forwarding {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Where a call runs: the leader's channel, or undefined for here. Rejects with RESOURCE_EXHAUSTED for a call that
   * was forwarded already and finds no leader here.
   */
  async destination(method: BoundMethod, call: IncomingCall): Promise<Channel | undefined> {
    if (method.forward === undefined) return undefined;
    const location = await method.forward.leader(call.signal);
    if (location.self) return undefined;
    if (call.redirects.length > 0) {
      throw resourceExhausted(`more than one redirect to leader from: [${call.redirects.join(" ")}]`);
    }
    return location.channel;
  }

  /** A unary call, repeated once at the next healthy leader when the connection to the first one fails. */
  async unary(
    method: BoundMethod,
    request: Buffer,
    call: IncomingCall,
    answerHere: () => Promise<Buffer>,
  ): Promise<Buffer> {
    const channel = await this.destination(method, call);
    if (channel === undefined) return answerHere();
    const options = optionsOf(call);
    try {
      return await channel.bytes.unary(method.path, request, options);
    } catch (error) {
      if (!isSwarmError(error) || !connectionFailure.test(error.message) || method.forward === undefined) throw error;
    }
    const next = await this.#healthyLeader(method.forward, call.signal);
    return next === undefined ? answerHere() : next.bytes.unary(method.path, request, options);
  }

  clientStream(
    channel: Channel,
    method: BoundMethod,
    requests: AsyncIterable<Buffer>,
    call: IncomingCall,
  ): Promise<Buffer> {
    return channel.bytes.clientStream(method.path, requests, optionsOf(call));
  }

  responseStream(
    channel: Channel,
    method: BoundMethod,
    request: Buffer | AsyncIterable<Buffer>,
    call: IncomingCall,
  ): AsyncIterable<Buffer> {
    return Buffer.isBuffer(request)
      ? channel.bytes.serverStream(method.path, request, optionsOf(call))
      : channel.bytes.bidiStream(method.path, request, optionsOf(call));
  }

  /** Undefined when this node has become the leader. */
  async #healthyLeader(forward: LeaderForwarder, signal: AbortSignal): Promise<Channel | undefined> {
    for (let pause = firstLeaderPoll; ; pause = milliseconds(Math.min(pause * 2, longestLeaderPoll))) {
      await this.#clock.sleep(pause, signal);
      const location = await forward.leader(signal);
      if (location.self) return undefined;
      if (await isServing(location.channel, signal)) return location.channel;
    }
  }
}

const optionsOf = (call: IncomingCall): ByteCallOptions => ({
  signal: call.signal,
  deadline: call.deadline,
  metadata: forwardHeaders(call),
});

async function isServing(channel: Channel, signal: AbortSignal): Promise<boolean> {
  try {
    const health = channel.client("docker.swarmkit.v1.Health");
    const { status } = await health.Check({ service: "Raft" }, { signal, timeout: healthTimeout });
    return status === "SERVING";
  } catch (error) {
    if (signal.aborted || !isSwarmError(error)) throw error;
    return false;
  }
}
