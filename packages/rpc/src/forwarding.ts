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

const handover = /leadership is being handed over/;
/** With the first pause between two of them: longer than a hand-over may take. */
const handoverTries = 25;
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

  /**
   * A unary call, repeated once at the next healthy leader when the connection to the first one fails, and as long as
   * a leader that hands over takes nothing: it has not begun the call then.
   */
  async unary(
    method: BoundMethod,
    request: Buffer,
    call: IncomingCall,
    answerHere: () => Promise<Buffer>,
  ): Promise<Buffer> {
    const { forward } = method;
    const runAt = (channel: Channel | undefined): Promise<Buffer> =>
      channel === undefined ? answerHere() : channel.bytes.unary(method.path, request, optionsOf(call));
    let channel = await this.destination(method, call);
    for (let tries = 1; ; tries += 1) {
      try {
        return await runAt(channel);
      } catch (error) {
        if (forward === undefined || !isSwarmError(error)) throw error;
        // A call that was forwarded to us is repeated by the manager that forwarded it.
        const isWaiting = handover.test(error.message) && call.redirects.length === 0 && tries < handoverTries;
        const isCut = channel !== undefined && connectionFailure.test(error.message) && tries === 1;
        if (!isWaiting && !isCut) throw error;
      }
      channel = await this.#healthyLeader(forward, call.signal);
    }
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
