import { unavailable } from "@mswarm/runtime";
import type { LogMessage, SubscribeLogsMessage } from "@mswarm/wire";
import { expect, test } from "vitest";
import { type LogFormat, logLines } from "./log-lines.ts";

const context = { nodeId: "n1", serviceId: "s1", taskId: "t1" };
const format: LogFormat = { timestamps: false, details: false, stdout: true, stderr: true, framed: true };
const line = (text: string, more: Partial<LogMessage> = {}): LogMessage => ({
  context,
  stream: "LOG_STREAM_STDOUT",
  timestamp: { seconds: "1", nanos: 5 },
  data: Buffer.from(text),
  ...more,
});

async function written(
  messages: AsyncIterable<SubscribeLogsMessage>,
  change: Partial<LogFormat> = {},
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of logLines(messages, { ...format, ...change })) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* batch(...messages: readonly LogMessage[]): AsyncGenerator<SubscribeLogsMessage> {
  yield { messages: [...messages] };
}

test("each line is a frame of its own, with its stream and its length", async () => {
  const bytes = await written(batch(line("a\n"), line("bc\n", { stream: "LOG_STREAM_STDERR" })));
  expect(bytes.toString("latin1")).toBe("\x01\0\0\0\0\0\0\x02a\n\x02\0\0\0\0\0\0\x03bc\n");
});

test("a terminal's lines are not framed", async () => {
  expect((await written(batch(line("a\n"), line("b\n")), { framed: false })).toString()).toBe("a\nb\n");
});

test("times have nine digits, and stand before the details", async () => {
  const bytes = await written(batch(line("a\n", { attrs: [{ key: "x y", value: "=&é" }] })), {
    timestamps: true,
    details: true,
    framed: false,
  });
  expect(bytes.toString()).toBe(
    "1970-01-01T00:00:01.000000005Z com.docker.swarm.node.id=n1,com.docker.swarm.service.id=s1,com.docker.swarm.task.id=t1,x+y=%3D%26%C3%A9 a\n",
  );
});

test("a container cannot pretend to be another task", async () => {
  const attrs = [{ key: "com.docker.swarm.task.id", value: "other" }];
  expect((await written(batch(line("a\n", { attrs })), { details: true, framed: false })).toString()).not.toContain(
    "other",
  );
});

test("a stream that nobody asked for is left out", async () => {
  const both = (): AsyncGenerator<SubscribeLogsMessage> =>
    batch(line("out\n"), line("err\n", { stream: "LOG_STREAM_STDERR" }));
  expect((await written(both(), { stdout: false, framed: false })).toString()).toBe("err\n");
  expect((await written(both(), { stderr: false, framed: false })).toString()).toBe("out\n");
});

test("a failure in mid-stream is told in the stream, as Docker does", async () => {
  async function* broken(): AsyncGenerator<SubscribeLogsMessage> {
    yield* batch(line("a\n"));
    throw unavailable("the node is down");
  }
  const bytes = await written(broken());
  expect(bytes.subarray(10, 11).toString("latin1")).toBe("\x03");
  expect(bytes.subarray(18).toString()).toBe(
    "Error grabbing logs: rpc error: code = Unavailable desc = the node is down\n",
  );
});
