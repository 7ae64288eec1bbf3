import { after, type Instant, minutes, seconds, timestampOf } from "@mswarm/runtime";
import type { LogMessage, SubscribeLogsRequest } from "@mswarm/wire";
import fc from "fast-check";
import { expect, test } from "vitest";
import { FollowedLines } from "./followed-lines.ts";

const start = 1_800_000_000_000 as Instant;
const follow: SubscribeLogsRequest = { selector: { serviceIds: ["s"] }, options: { follow: true, tail: "0" } };

/** A line that a task prints so many seconds after the start. */
function line(
  taskId: string,
  at: number,
  text: string,
  stream: LogMessage["stream"] = "LOG_STREAM_STDOUT",
): LogMessage {
  const nanos = BigInt(start) * 1_000_000n + BigInt(Math.round(at * 1e9));
  const timestamp = { seconds: String(nanos / 1_000_000_000n), nanos: Number(nanos % 1_000_000_000n) };
  return { context: { taskId, nodeId: "n" }, stream, timestamp, data: Buffer.from(text) };
}
const texts = (messages: readonly LogMessage[]): string[] => messages.map(({ data }) => data?.toString() ?? "");
const at = (second: number): Instant => after(start, seconds(second));
const sinceOf = (request: SubscribeLogsRequest): number =>
  ((timestampOf(request.options?.since ?? undefined) ?? 0) - start) / 1_000;

test("at the next leader lines go on where they ended, and none comes twice", () => {
  const lines = new FollowedLines(follow, start);
  const first = [line("a", 1, "a1"), line("b", 1, "b1"), line("a", 2, "a2"), line("a", 2, "a2 again")];
  expect(texts(lines.fresh(first, at(2)))).toHaveLength(4);
  const request = lines.resumed(at(4));
  expect(request).toMatchObject({ selector: follow.selector, options: { follow: true, tail: "0" } });
  expect(sinceOf(request)).toBeLessThanOrEqual(1);
  const replayed = [...first, line("a", 2, "a2 third"), line("b", 3, "b2"), line("c", 3, "c1")];
  expect(texts(lines.fresh(replayed, at(5)))).toEqual(["a2 third", "b2", "c1"]);
});

test("two outputs of a task whose times cross lose nothing", () => {
  const lines = new FollowedLines(follow, start);
  lines.fresh([line("a", 2, "out")], at(2));
  lines.resumed(at(3));
  const replayed = [line("a", 2, "out"), line("a", 1.9, "err", "LOG_STREAM_STDERR")];
  expect(texts(lines.fresh(replayed, at(3)))).toEqual(["err"]);
});

test("a task that has been quiet for days does not bring days of the others back", () => {
  const lines = new FollowedLines(follow, start);
  lines.fresh([line("quiet", 0, "hello")], at(0));
  for (let hour = 1; hour <= 48; hour += 1) lines.fresh([line("busy", hour * 3_600, "x")], at(hour * 3_600));
  expect(sinceOf(lines.resumed(at(48 * 3_600 + 1)))).toBeGreaterThan(48 * 3_600 - minutes(11) / 1_000);
});

test("history that is still on its way is asked for again", () => {
  const lines = new FollowedLines(follow, start);
  // Two tasks with a day of lines each: one has been read to its end, the other has just begun.
  lines.fresh([line("done", -1, "new"), line("behind", -86_400, "old")], at(0));
  expect(sinceOf(lines.resumed(at(1)))).toBeLessThanOrEqual(-86_400);
});

test("only the last lines were wanted: older ones do not come afterwards, also of outputs that had none", () => {
  const lines = new FollowedLines({ ...follow, options: { follow: true, tail: "-1" } }, start);
  lines.fresh([line("a", 60, "a1")], at(60));
  const request = lines.resumed(at(61));
  expect(request.options?.tail).toBe("0");
  expect(sinceOf(request)).toBeGreaterThanOrEqual(0);
  const replayed = [line("b", -5, "before"), line("a", 60, "a1"), line("b", 60.5, "after")];
  expect(texts(lines.fresh(replayed, at(62)))).toEqual(["after"]);
});

test("where nothing has come yet the same is asked again, and never more than was asked for", () => {
  const since = { seconds: String(start / 1_000 + 100), nanos: 0 };
  const request: SubscribeLogsRequest = { ...follow, options: { follow: true, tail: "-11", since } };
  const lines = new FollowedLines(request, start);
  expect(lines.resumed(at(1))).toEqual(request);
  lines.fresh([line("a", 120, "a1")], at(120));
  expect(sinceOf(lines.resumed(at(121)))).toBeGreaterThanOrEqual(100);
});

test("whatever was printed, and wherever leaders change, each line comes once and in its task's order", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ task: fc.constantFrom("a", "b", "c"), wait: fc.constantFrom(0, 0, 0.5, 40, 900) })),
      fc.array(fc.nat(60), { maxLength: 4 }),
      (printed, changes) => {
        let now = 0;
        const all = printed.map(({ task, wait }, number) => {
          now += wait;
          return line(task, now, `${task}${number}`);
        });
        const lines = new FollowedLines(follow, start);
        const got: string[] = [];
        const deliver = (message: LogMessage, when: Instant): void =>
          void got.push(...texts(lines.fresh([message], when)));
        const timeOf = (message: LogMessage): Instant => timestampOf(message.timestamp) ?? start;
        all.forEach((message, index) => {
          const when = timeOf(message);
          if (changes.includes(index)) {
            const { options } = lines.resumed(when);
            const since = timestampOf(options?.since ?? undefined) ?? 0;
            for (const earlier of all.slice(0, index)) if (timeOf(earlier) >= since) deliver(earlier, when);
          }
          deliver(message, when);
        });
        expect(got).toEqual(texts(all));
      },
    ),
    { numRuns: 300 },
  );
});
