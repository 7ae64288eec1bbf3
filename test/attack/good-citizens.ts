// Those who must not notice an attack: a worker that keeps its session, and somebody who writes.
import type { Channel, ClientOf } from "@mswarm/rpc";
import { messageOf, milliseconds, seconds, systemClock } from "@mswarm/runtime";
import type { Handlers } from "@mswarm/wire";

const clock = systemClock();
const heartbeatPause = milliseconds(50);
const writePause = milliseconds(20);

export interface CitizensReport {
  readonly heartbeats: number;
  /** Milliseconds. */
  readonly slowestHeartbeat: number;
  readonly writes: number;
  readonly slowestWrite: number;
  /** Everything that failed; a session that ended is among it. */
  readonly failures: readonly string[];
}

/** `Control` as users of a manager's control socket have it. */
export const controlOf = ({ local }: { readonly local: Channel }): ClientOf<Handlers["docker.swarmkit.v1.Control"]> =>
  local.client("docker.swarmkit.v1.Control");

let secretsMade = 0;

/**
 * Lets a worker hold a session and send heartbeats through `worker`, and secrets be written through `control`, until
 * `stop`.
 */
export async function startCitizens(
  worker: Channel,
  control: ClientOf<Handlers["docker.swarmkit.v1.Control"]>,
): Promise<{ stop(): Promise<CitizensReport> }> {
  const over = new AbortController();
  const failures: string[] = [];
  const tally = { heartbeats: 0, slowestHeartbeat: 0, writes: 0, slowestWrite: 0 };
  const dispatcher = worker.client("docker.swarmkit.v1.Dispatcher");
  const description = { hostname: "citizen", engine: { labels: { "mswarm.version": "test" } } };
  const messages = dispatcher.Session({ description }, { signal: over.signal })[Symbol.asyncIterator]();
  const sessionId = (await messages.next()).value?.sessionId ?? "";

  const until = async (work: () => Promise<void>): Promise<void> => {
    while (!over.signal.aborted) {
      await work().catch((error: unknown) => {
        if (!over.signal.aborted) failures.push(messageOf(error));
      });
    }
  };
  const following = until(async () => {
    if ((await messages.next()).done === true) {
      failures.push("the session ended");
      over.abort();
    }
  });
  const beating = until(async () => {
    const begun = clock.monotonic();
    await dispatcher.Heartbeat({ sessionId }, { timeout: seconds(15) });
    tally.heartbeats += 1;
    tally.slowestHeartbeat = Math.max(tally.slowestHeartbeat, clock.monotonic() - begun);
    await clock.sleep(heartbeatPause);
  });
  const writing = until(async () => {
    secretsMade += 1;
    const begun = clock.monotonic();
    const spec = { annotations: { name: `citizen-${secretsMade}` }, data: Buffer.from("x") };
    await control.CreateSecret({ spec }, { timeout: seconds(15) });
    tally.writes += 1;
    tally.slowestWrite = Math.max(tally.slowestWrite, clock.monotonic() - begun);
    await clock.sleep(writePause);
  });
  return {
    async stop() {
      over.abort();
      await Promise.all([following, beating, writing]);
      return { ...tally, failures };
    },
  };
}
