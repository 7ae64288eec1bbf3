// The engine's log stream, cut into lines. Containers without a terminal send frames with an eight-byte header (stream,
// three zeros, length); those with one send bare lines. Each line begins with its time and its attributes.
import { dataLoss } from "@mswarm/runtime";
import type { LogFrame } from "./engine.ts";
import { parseLogTimestamp } from "./log-timestamp.ts";

const headerLength = 8;
const space = 0x20;
const newline = 0x0a;
// The engine cuts lines at 16 KiB; anything far above that is not a log stream.
const frameMax = 16 * 1024 * 1024;

/** Cuts the answer of `GET /containers/…/logs?timestamps=1&details=1` into frames. DATA_LOSS: it is no such answer. */
export async function* readLogFrames(chunks: AsyncIterable<Buffer>, tty: boolean): AsyncGenerator<LogFrame> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      const cut = tty ? lineIn(rest) : frameIn(rest);
      if (cut === undefined) break;
      rest = rest.subarray(cut.length);
      yield parseLine(cut.stream, cut.payload);
    }
  }
  if (tty && rest.length > 0) yield parseLine("stdout", rest);
}

interface Cut {
  readonly stream: LogFrame["stream"];
  readonly payload: Buffer;
  readonly length: number;
}

function frameIn(bytes: Buffer): Cut | undefined {
  if (bytes.length < headerLength) return undefined;
  const size = bytes.readUInt32BE(4);
  const stream = bytes.readUInt8(0);
  if (stream > 2 || size > frameMax) throw dataLoss("the engine's log stream is broken: a frame header makes no sense");
  const length = headerLength + size;
  if (bytes.length < length) return undefined;
  return { stream: stream === 2 ? "stderr" : "stdout", payload: bytes.subarray(headerLength, length), length };
}

function lineIn(bytes: Buffer): Cut | undefined {
  const end = bytes.indexOf(newline);
  return end < 0 ? undefined : { stream: "stdout", payload: bytes.subarray(0, end + 1), length: end + 1 };
}

function parseLine(stream: LogFrame["stream"], line: Buffer): LogFrame {
  const timeEnd = line.indexOf(space);
  const timestamp = timeEnd < 0 ? undefined : parseLogTimestamp(line.toString("latin1", 0, timeEnd));
  if (timestamp === undefined) return { stream, timestamp: undefined, data: Buffer.from(line), attributes: [] };
  const attributesEnd = line.indexOf(space, timeEnd + 1);
  if (attributesEnd < 0) return { stream, timestamp, data: Buffer.from(line.subarray(timeEnd + 1)), attributes: [] };
  const attributes = parseAttributes(line.toString("utf8", timeEnd + 1, attributesEnd));
  return { stream, timestamp, data: Buffer.from(line.subarray(attributesEnd + 1)), attributes };
}

/** `key=value,key=value`, URL-encoded. */
function parseAttributes(text: string): LogFrame["attributes"] {
  if (text === "") return [];
  return text.split(",").map((pair) => {
    const [key = "", value = ""] = pair.split("=", 2);
    return { key: decode(key), value: decode(value) };
  });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    // Not URL-encoded after all: a log driver's own text is shown as it is.
    return text;
  }
}
