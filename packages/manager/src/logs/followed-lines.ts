// Which lines somebody who follows logs has had: so that they go on at the next leader without a gap and without repetition.
import { type Duration, type Instant, minutes, seconds } from "@mswarm/runtime";
import type { LogMessage, LogSubscriptionOptions, SubscribeLogsRequest } from "@mswarm/wire";

/** A line comes within so long after it was printed, by the clock of another node, unless it is history. */
const tardiness: Duration = minutes(10);
/** A stream that was silent for so long while others spoke has no history left to send. */
const silence: Duration = seconds(30);
const nanosPerMilli = 1_000_000n;

/** One output of one task: its lines come in the order of their times. */
interface Output {
  /** Time of its last line, in nanoseconds since 1970, and how many lines have that time. */
  last: bigint;
  count: number;
  heardAt: Instant;
  /** The last line was old when it came. */
  isHistory: boolean;
  /** Lines with the time of the last one that are still to be left out; undefined when nothing is. */
  repeated: number | undefined;
}

export class FollowedLines {
  readonly #request: SubscribeLogsRequest;
  readonly #startedAt: Instant;
  readonly #outputs = new Map<string, Output>();
  #heardAt: Instant;
  #isResumed = false;

  constructor(request: SubscribeLogsRequest, now: Instant) {
    this.#request = request;
    this.#startedAt = now;
    this.#heardAt = now;
  }

  /** What of this is new; to be called with everything that comes. Lines without a time are always new. */
  fresh(messages: readonly LogMessage[], now: Instant): LogMessage[] {
    this.#heardAt = now;
    return messages.filter((message) => this.#isFresh(message, now));
  }

  /** What to ask the next leader for. */
  resumed(now: Instant): SubscribeLogsRequest {
    const { options } = this.#request;
    // Nothing has come yet: it may still be on its way, and whoever wants the last lines wants them counted.
    if (this.#outputs.size === 0 && now - this.#startedAt < silence) return this.#request;
    this.#isResumed = true;
    const recent = inNanos((now - tardiness) as Instant);
    const started = inNanos(this.#startedAt);
    let since = recent;
    if (started > since) since = started;
    for (const output of this.#outputs.values()) {
      const isBehind = output.isHistory && this.#heardAt - output.heardAt < silence;
      const from = isBehind || output.last > recent ? output.last : recent;
      if (from < since) since = from;
    }
    const asked = nanosOf(options?.since);
    if (asked !== undefined && asked > since) since = asked;
    for (const [key, output] of this.#outputs) {
      if (output.last < since) this.#outputs.delete(key);
      else output.repeated = output.count;
    }
    const all: LogSubscriptionOptions = { ...options, tail: "0", since: wireTime(since) };
    return { ...this.#request, options: all };
  }

  #isFresh({ context, stream, timestamp }: LogMessage, now: Instant): boolean {
    const time = nanosOf(timestamp);
    if (time === undefined) return true;
    const key = `${context?.taskId ?? ""} ${stream ?? ""}`;
    const known = this.#outputs.get(key);
    if (known?.repeated !== undefined) {
      if (time < known.last) return false;
      if (time === known.last && known.repeated > 0) {
        known.repeated -= 1;
        return false;
      }
      known.repeated = undefined;
    }
    if (known === undefined && this.#isResumed && !this.#wantsHistory && time < inNanos(this.#startedAt)) return false;
    const count = known?.last === time ? known.count + 1 : 1;
    const isHistory = inNanos(now) - time > BigInt(tardiness / 2) * nanosPerMilli;
    this.#outputs.set(key, { last: time, count, heardAt: now, isHistory, repeated: undefined });
    return true;
  }

  /** False where only so many of the last lines were wanted: those have come, or there were none. */
  get #wantsHistory(): boolean {
    return (this.#request.options?.tail ?? "0") === "0";
  }
}

const inNanos = (instant: Instant): bigint => BigInt(Math.trunc(instant)) * nanosPerMilli;

function nanosOf(time: LogMessage["timestamp"] | null): bigint | undefined {
  if (time === undefined || time === null) return undefined;
  return BigInt(time.seconds ?? "0") * 1_000_000_000n + BigInt(time.nanos ?? 0);
}

const wireTime = (nanos: bigint): { seconds: string; nanos: number } => ({
  seconds: String(nanos / 1_000_000_000n),
  nanos: Number(nanos % 1_000_000_000n),
});
