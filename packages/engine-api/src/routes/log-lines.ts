// Log messages as clients read them. Source: engine-api reference 11, moby daemon/server/httputils/logstream.
import { dateOf, type Instant, isSwarmError, messageOf } from "@mswarm/runtime";
import type { google, LogMessage, SubscribeLogsMessage } from "@mswarm/wire";
import { grpcError } from "../errors/http-error.ts";

export interface LogFormat {
  readonly timestamps: boolean;
  readonly details: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** False for services with a terminal: bare lines. */
  readonly framed: boolean;
}

const streams = { stdout: 1, stderr: 2, failure: 3 } as const;

/** One chunk for each line; a failure in mid-stream becomes the last line. */
export async function* logLines(
  messages: AsyncIterable<SubscribeLogsMessage>,
  format: LogFormat,
): AsyncGenerator<Buffer> {
  try {
    for await (const { messages: batch = [] } of messages) {
      for (const message of batch) {
        const isStderr = message.stream === "LOG_STREAM_STDERR";
        const isWanted = isStderr ? format.stderr : message.stream === "LOG_STREAM_STDOUT" && format.stdout;
        if (isWanted) yield framed(lineOf(message, format), streams[isStderr ? "stderr" : "stdout"], format);
      }
    }
  } catch (error) {
    if (isSwarmError(error, "CANCELLED")) return;
    const text = isSwarmError(error) ? grpcError(error).message : messageOf(error);
    yield framed(Buffer.from(`Error grabbing logs: ${text}\n`), streams.failure, format);
  }
}

function framed(line: Buffer, stream: number, { framed: isFramed }: LogFormat): Buffer {
  if (!isFramed) return line;
  const header = Buffer.alloc(8);
  header.writeUInt8(stream, 0);
  header.writeUInt32BE(line.length, 4);
  return Buffer.concat([header, line]);
}

function lineOf(message: LogMessage, { timestamps, details }: LogFormat): Buffer {
  const start = `${timestamps ? `${fixedTime(message.timestamp)} ` : ""}${details ? `${detailsOf(message)} ` : ""}`;
  return Buffer.concat([Buffer.from(start), message.data ?? Buffer.alloc(0)]);
}

/** RFC 3339 with all nine digits. */
function fixedTime({ seconds = "0", nanos = 0 }: google.Timestamp = {}): string {
  const start = dateOf((Number(seconds) * 1_000) as Instant)
    .toISOString()
    .slice(0, 19);
  return `${start}.${String(nanos).padStart(9, "0")}Z`;
}

/** What the container says about itself, and what the swarm says, which wins. */
function detailsOf({ attrs = [], context }: LogMessage): string {
  const swarm = new Map([
    ["com.docker.swarm.node.id", context?.nodeId ?? ""],
    ["com.docker.swarm.service.id", context?.serviceId ?? ""],
    ["com.docker.swarm.task.id", context?.taskId ?? ""],
  ]);
  const own = attrs.map(({ key = "", value = "" }) => [key, value] as const).filter(([key]) => !swarm.has(key));
  return [...own, ...swarm]
    .sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0))
    .map(([key, value]) => `${queryEscaped(key)}=${queryEscaped(value)}`)
    .join(",");
}

/** Source: Go's url.QueryEscape. */
const queryEscaped = (text: string): string =>
  encodeURIComponent(text)
    .replaceAll("%20", "+")
    .replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
