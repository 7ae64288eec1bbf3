// Logs as this machine's control socket and Docker's face have them: whoever follows them does not notice that the leader
// changes. Differs: Docker ends with "Error grabbing logs".
import { type Call, forwardHeaders, type LeaderForwarder, type ServiceOf } from "@mswarm/rpc";
import {
  Backoff,
  type Clock,
  isSwarmError,
  type Logger,
  messageOf,
  milliseconds,
  type Random,
  seconds,
} from "@mswarm/runtime";
import type { Handlers, SubscribeLogsMessage, SubscribeLogsRequest } from "@mswarm/wire";
import { FollowedLines } from "./followed-lines.ts";
import type { LogBroker } from "./log-broker.ts";

/** How long it tries to go on before it says why it cannot. */
const patience = seconds(30);
/** A subscription that lasted so long had found its leader. */
const steadyAfter = seconds(5);

export interface LastingLogsParts {
  readonly broker: Pick<LogBroker, "subscribe">;
  readonly forward: LeaderForwarder;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** To be bound without `forward`: it finds the leader itself. */
export function lastingLogs(parts: LastingLogsParts): ServiceOf<Handlers["docker.swarmkit.v1.Logs"]> {
  return {
    SubscribeLogs: (request, call) =>
      request.options?.follow === true ? follow(request, call, parts) : atLeader(request, call, parts),
  };
}

/** The leader's answer, whoever leads now. Errors: those of `LeaderForwarder.leader`, and the leader's. */
async function* atLeader(
  request: SubscribeLogsRequest,
  call: Call,
  { broker, forward }: LastingLogsParts,
): AsyncGenerator<SubscribeLogsMessage> {
  const location = await forward.leader(call.signal);
  if (location.self) yield* broker.subscribe(request, call);
  else {
    const { SubscribeLogs: subscribe } = location.channel.client("docker.swarmkit.v1.Logs");
    yield* subscribe(request, { signal: call.signal, metadata: forwardHeaders(call) });
  }
}

async function* follow(
  request: SubscribeLogsRequest,
  call: Call,
  parts: LastingLogsParts,
): AsyncGenerator<SubscribeLogsMessage> {
  const { clock, random, log } = parts;
  const lines = new FollowedLines(request, clock.now());
  const backoff = new Backoff({ base: milliseconds(100), max: seconds(1) }, random);
  let wanted = request;
  let steadyAt = clock.monotonic();
  for (;;) {
    const begun = clock.monotonic();
    try {
      for await (const { messages = [] } of atLeader(wanted, call, parts)) {
        steadyAt = clock.monotonic();
        const fresh = lines.fresh(messages, clock.now());
        if (fresh.length > 0) yield { messages: fresh };
      }
      return;
    } catch (error) {
      const now = clock.monotonic();
      if (now - begun > steadyAfter) steadyAt = now;
      if (call.signal.aborted || !isLeadersEnd(error) || now - steadyAt > patience) throw error;
      log.info({ reason: messageOf(error) }, "a log that is followed goes on at the next leader");
      if (steadyAt >= begun) backoff.reset();
    }
    await clock.sleep(backoff.next(), call.signal);
    wanted = lines.resumed(clock.now());
  }
}

/** The leader is gone, or leads no more; not that this manager stops, which has no next leader. */
function isLeadersEnd(error: unknown): boolean {
  if (isSwarmError(error, "ABORTED")) return error.message.includes("log broker is stopped");
  return isSwarmError(error, "UNAVAILABLE") && !error.message.includes("this manager is stopping");
}
