// The engine's events and the swarm's in one stream, line by line.
import { type Clock, milliseconds, resourceExhausted, Wakeup } from "@mswarm/runtime";
import { goJson } from "../routing/go-json.ts";
import type { DockerEvent } from "./docker-event.ts";
import { type EventSelection, isPastWanted, isWanted } from "./event-filter.ts";
import { LineSource } from "./line-source.ts";
import type { SwarmEvents } from "./swarm-events.ts";

/** By then an engine has sent its past, which the swarm's is sorted into. */
const pastTime = milliseconds(50);
/** A client that lags this far behind is cut off: it must not believe that it has seen everything. */
const longestQueue = 10_000;

export interface MergedEventsParts {
  /** Body of the engine's answer to the same request. */
  readonly engine: AsyncIterable<Buffer>;
  readonly swarm: SwarmEvents;
  readonly selection: EventSelection;
  readonly clock: Clock;
}

/**
 * Ends when the engine's stream does. Rejects with the signal's reason, with what the engine's stream fails with, and with
 * RESOURCE_EXHAUSTED for a client that does not read.
 */
export async function* mergedEvents(parts: MergedEventsParts, signal: AbortSignal): AsyncGenerator<Buffer> {
  const { swarm, selection, clock } = parts;
  const wakeup = new Wakeup();
  const queue: DockerEvent[] = [];
  const subscription = swarm.subscribe((event) => {
    if (!isWanted(selection, event)) return;
    queue.push(event);
    wakeup.notify();
  });
  const past = subscription.history.filter((event) => isPastWanted(selection, event));
  let isPastComplete = past.length === 0;
  const timer = clock.timer(pastTime, () => {
    isPastComplete = true;
    wakeup.notify();
  });
  const engine = new LineSource(parts.engine, () => wakeup.notify());
  try {
    for (;;) {
      const { line } = engine;
      if (queue.length > longestQueue) throw resourceExhausted("the client does not read its events");
      if (line !== undefined) {
        while (past[0] !== undefined && past[0].timeNano <= timeOf(line)) yield written(past.shift());
        yield line;
        engine.take();
      } else if (past.length > 0 && (isPastComplete || engine.hasEnded)) yield written(past.shift());
      else if (queue.length > 0 && past.length === 0) yield written(queue.shift());
      else if (engine.hasEnded) return;
      else await wakeup.wait(signal);
    }
  } finally {
    timer.cancel();
    subscription.close();
    engine.leave();
  }
}

const written = (event: DockerEvent | undefined): Buffer => Buffer.from(goJson(event, "html"));

const timeOf = (line: Buffer): bigint =>
  BigInt(/"timeNano":(?<nanos>[0-9]{1,19})/.exec(line.toString("latin1"))?.groups?.["nanos"] ?? "0");
