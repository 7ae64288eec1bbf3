import type { Call } from "@mswarm/rpc";
import { localCall } from "@mswarm/rpc/testing";
import {
  aborted,
  cryptoRandom,
  invalidArgument,
  type SwarmError,
  seconds,
  silentLogger,
  unavailable,
  unknownError,
  wireTimestamp,
} from "@mswarm/runtime";
import { SimulatedClock } from "@mswarm/runtime/simulated";
import type { LogMessage, SubscribeLogsMessage, SubscribeLogsRequest } from "@mswarm/wire";
import { expect, test } from "vitest";
import { lastingLogs } from "./lasting-logs.ts";

const stopped = aborted("log broker is stopped");
const follow: SubscribeLogsRequest = { selector: { serviceIds: ["s"] }, options: { follow: true } };

/** What leaders answer one after another: lines, and how the subscription ends. The last one answers for ever. */
interface Answer {
  readonly lines?: readonly string[];
  readonly end: SwarmError;
}

function bench(answers: readonly Answer[], options: { readonly noLeader?: SwarmError } = {}) {
  const clock = new SimulatedClock();
  const asked: SubscribeLogsRequest[] = [];
  const begun = clock.now();
  const message = (text: string): LogMessage => ({
    context: { taskId: "t" },
    stream: "LOG_STREAM_STDOUT",
    timestamp: wireTimestamp(begun),
    data: Buffer.from(text),
  });
  const { SubscribeLogs: subscribe } = lastingLogs({
    broker: {
      async *subscribe(request) {
        const { lines = [], end } = answers[Math.min(asked.length, answers.length - 1)] ?? { end: stopped };
        asked.push(request);
        if (lines.length > 0) yield { messages: lines.map(message) };
        throw end;
      },
    },
    forward: {
      leader: async () => {
        if (options.noLeader !== undefined && asked.length > 0) throw options.noLeader;
        return { self: true };
      },
    },
    clock,
    random: cryptoRandom(),
    log: silentLogger(),
  });
  const got: string[] = [];
  const read = async (request: SubscribeLogsRequest, call: Call): Promise<void> => {
    for await (const { messages = [] } of subscribe(request, call) as AsyncIterable<SubscribeLogsMessage>) {
      got.push(...messages.map(({ data }) => data?.toString() ?? ""));
    }
  };
  return { clock, asked, got, read };
}

test("lines go on at the next leader, each once", async () => {
  const { clock, asked, got, read } = bench([
    { lines: ["1", "2"], end: stopped },
    { end: unavailable("connection dropped") },
    { lines: ["1", "2", "3"], end: unknownError("over") },
  ]);
  const reading = expect(read(follow, localCall())).rejects.toThrow("over");
  await clock.advance(seconds(5));
  await reading;
  expect(got).toEqual(["1", "2", "3"]);
  expect(asked).toHaveLength(3);
  expect(asked.at(-1)?.options?.since).toBeDefined();
});

test("what is no change of the leader ends it at once; so does anything where nobody follows", async () => {
  const wrong = bench([{ end: invalidArgument("log selector must not be empty") }]);
  await expect(wrong.read(follow, localCall())).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  const stopping = bench([{ end: unavailable("this manager is stopping") }]);
  await expect(stopping.read(follow, localCall())).rejects.toThrow("this manager is stopping");
  const once = bench([{ lines: ["1"], end: stopped }]);
  await expect(once.read({ ...follow, options: {} }, localCall())).rejects.toBe(stopped);
  expect([wrong, stopping, once].map(({ asked }) => asked.length)).toEqual([1, 1, 1]);
});

test("it gives up after half a minute in vain, and says why", async () => {
  const { clock, asked, read } = bench([{ lines: ["1"], end: stopped }, { end: unavailable("connection refused") }]);
  const reading = expect(read(follow, localCall())).rejects.toThrow("connection refused");
  await clock.advance(seconds(29));
  const tries = asked.length;
  expect(tries).toBeGreaterThan(20);
  await clock.advance(seconds(5));
  await reading;
  expect(asked.length).toBeLessThan(400);
});

test("a cluster without a leader ends it with that sentence", async () => {
  const { clock, read } = bench([{ end: stopped }], { noLeader: unknownError("The swarm does not have a leader.") });
  const reading = expect(read(follow, localCall())).rejects.toThrow("The swarm does not have a leader.");
  await clock.advance(seconds(2));
  await reading;
});

test("a reader who goes away between two leaders is not waited for", async () => {
  const { clock, asked, read } = bench([{ end: stopped }]);
  const over = new AbortController();
  const reading = expect(read(follow, { ...localCall(), signal: over.signal })).rejects.toThrow("gone");
  await clock.advance(seconds(1));
  over.abort(aborted("gone"));
  await reading;
  const tries = asked.length;
  await clock.advance(seconds(10));
  expect(asked).toHaveLength(tries);
});
