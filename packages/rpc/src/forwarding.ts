// A follower passes a call to the leader. Source: wire reference 1.4; the rules are DESIGN 7, rule 2.
import {
  type Clock,
  type Duration,
  isSwarmError,
  milliseconds,
  resourceExhausted,
  type SwarmError,
  seconds,
} from "@mswarm/runtime";
import type { ByteCallOptions } from "./byte-calls.ts";
import type { Channel } from "./channel.ts";
import type { CallMetadata } from "./client.ts";
import { wasNeverSent } from "./grpc-calls.ts";
import type { IncomingCall } from "./incoming-call.ts";
import { isSameLocation, type LeaderForwarder, type LeaderLocation } from "./leader-forwarder.ts";
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

/** How a leader that hands over refuses a call: before it begins it. */
const handover = /leadership is being handed over|the change was not begun/;
/** How long a call that nobody begins is tried again: longer than a hand-over may take. */
const handoverPatience = seconds(2);
/** How a manager that does not lead refuses a call that was passed on to it. */
const misdirected = /^more than one redirect to leader/;
/** Whoever is taken for the leader and is not, is so for a moment; two managers that disagree for longer do not toss calls about. */
const misdirectedMax = 5;
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
    if (method.forward === undefined || (method.anyManager && call.redirects.length === 0)) return undefined;
    if (method.forward.isHere?.() === true) return undefined;
    const location = await method.forward.leader(call.signal);
    if (location.self) return undefined;
    if (call.redirects.length > 0) {
      throw resourceExhausted(`more than one redirect to leader from: [${call.redirects.join(" ")}]`);
    }
    return location.channel;
  }

  /**
   * A unary call. At the next healthy leader it is repeated as long as nobody has begun it (it could not be sent, the
   * leader is handing over, or is none any more), and once when the connection breaks while it is under way.
   *
   * @param request  gives its bytes; called when it is forwarded
   */
  async unary(
    method: BoundMethod,
    request: () => Buffer,
    call: IncomingCall,
    answerHere: () => Promise<Buffer>,
  ): Promise<Buffer> {
    const { forward } = method;
    const runAt = (channel: Channel | undefined): Promise<Buffer> =>
      channel === undefined ? answerHere() : channel.bytes.unary(method.path, request(), optionsOf(call));
    let channel = await this.destination(method, call);
    const repetition = new Repetition(this.#clock);
    for (;;) {
      try {
        return await runAt(channel);
      } catch (error) {
        // A call that was forwarded to us is repeated by the manager that forwarded it.
        if (forward === undefined || call.redirects.length > 0 || !isSwarmError(error)) throw error;
        if (!repetition.isAllowed(error, channel !== undefined)) throw error;
      }
      channel = await this.#healthyLeader(forward, channel, call.signal);
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

  /** Undefined when this node has become the leader. @param former  where the call was not taken */
  async #healthyLeader(
    forward: LeaderForwarder,
    former: Channel | undefined,
    signal: AbortSignal,
  ): Promise<Channel | undefined> {
    let last: LeaderLocation = former === undefined ? { self: true } : { self: false, channel: former };
    for (let pause = firstLeaderPoll; ; pause = milliseconds(Math.min(pause * 2, longestLeaderPoll))) {
      const asked = this.#clock.monotonic();
      const location = await forward.leader(signal, { location: last, pause });
      const early = milliseconds(pause - (this.#clock.monotonic() - asked));
      if (early > 0 && isSameLocation(location, last)) await this.#clock.sleep(early, signal);
      last = location;
      if (location.self) return undefined;
      if (await isServing(location.channel, signal)) return location.channel;
    }
  }
}

/** Whether one call may be tried once more. */
class Repetition {
  readonly #clock: Clock;
  #refusedAt: Duration | undefined;
  #misdirections = 0;
  #cuts = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param wasForwarded  or answered here, where no connection can fail */
  isAllowed(error: SwarmError, wasForwarded: boolean): boolean {
    if (misdirected.test(error.message)) {
      this.#misdirections += 1;
      return this.#misdirections <= misdirectedMax;
    }
    if (wasNeverSent(error) || handover.test(error.message)) {
      const now = this.#clock.monotonic();
      this.#refusedAt ??= now;
      return now - this.#refusedAt <= handoverPatience;
    }
    if (!wasForwarded || !connectionFailure.test(error.message)) return false;
    this.#cuts += 1;
    return this.#cuts === 1;
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
