import fc from "fast-check";
import { expect, test } from "vitest";
import type { LogFrame } from "./engine.ts";
import { readLogFrames } from "./log-frames.ts";
import { formatLogTimestamp, parseLogTimestamp } from "./log-timestamp.ts";

const frame = (stream: number, text: string): Buffer => {
  const payload = Buffer.from(text);
  const header = Buffer.alloc(8);
  header.writeUInt8(stream, 0);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
};
async function* chunksOf(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0;
  for (const size of sizes) {
    yield bytes.subarray(at, at + size);
    at += size;
  }
  yield bytes.subarray(at);
}
async function read(chunks: AsyncIterable<Buffer>, tty = false): Promise<LogFrame[]> {
  const frames: LogFrame[] = [];
  for await (const found of readLogFrames(chunks, tty)) frames.push(found);
  return frames;
}
const time = "2026-11-22T01:02:03.000000004Z";

test("frames are the same however the stream is cut into chunks", async () => {
  const bytes = Buffer.concat([
    frame(1, `${time}  hello world\n`),
    frame(2, `${time} tag=a%2Cb,env=x y=z\n`),
    frame(1, `${time}  \n`),
  ]);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 20 })), async (sizes) => {
      const frames = await read(chunksOf(bytes, sizes));
      expect(frames.map(({ stream, data }) => [stream, data.toString()])).toEqual([
        ["stdout", "hello world\n"],
        ["stderr", "y=z\n"],
        ["stdout", "\n"],
      ]);
      expect(frames[1]?.attributes).toEqual([
        { key: "tag", value: "a,b" },
        { key: "env", value: "x" },
      ]);
    }),
  );
});

test("a terminal's stream is cut at line ends, and its last piece is kept", async () => {
  const frames = await read(chunksOf(Buffer.from(`${time}  one\r\n${time}  tw`), [7]), true);
  expect(frames.map(({ data }) => data.toString())).toEqual(["one\r\n", "tw"]);
});

test("a stream that is no log stream is refused instead of being waited for", async () => {
  await expect(read(chunksOf(Buffer.from("HTTP/1.1 200 OK\r\n"), []))).rejects.toMatchObject({ code: "DATA_LOSS" });
});

test("times keep their nanoseconds and their zone", () => {
  expect(parseLogTimestamp(time)).toEqual({ seconds: "1795309323", nanos: 4 });
  expect(parseLogTimestamp("2000-02-29T01:00:00+01:00")).toEqual({ seconds: "951782400", nanos: 0 });
  expect(parseLogTimestamp("yesterday")).toBeUndefined();
  expect(formatLogTimestamp({ seconds: "12", nanos: 5 })).toBe("12.000000005");
});

test("any instant reads back as the Date that printed it", () => {
  fc.assert(
    fc.property(fc.date({ min: new Date(0), max: new Date("2400-01-01"), noInvalidDate: true }), (date) => {
      const parsed = parseLogTimestamp(date.toISOString());
      expect(Number(parsed?.seconds) * 1_000 + (parsed?.nanos ?? 0) / 1e6).toBe(date.getTime());
    }),
  );
});
