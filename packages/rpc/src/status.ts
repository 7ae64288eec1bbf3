// The one place where SwarmErrors become gRPC statuses and back.
import { type Logger, messageOf, type StatusCode, SwarmError, statusNumbers } from "@mswarm/runtime";

/** A status as grpc-js sends it. */
export interface WireStatus {
  readonly code: number;
  readonly details: string;
}

// A status travels in a header block; Node peers take 64 KiB of it.
const longestDetails = 8_192;

const codeByNumber = new Map<number, StatusCode>(
  Object.entries(statusNumbers).flatMap(([name, number]) => (name === "OK" ? [] : [[number, name as StatusCode]])),
);

/** An expected failure, text unchanged. Through UTF-8, because grpc-js throws on half a surrogate pair. */
export function statusOf(error: SwarmError): WireStatus {
  return { code: statusNumbers[error.code], details: Buffer.from(error.message.slice(0, longestDetails)).toString() };
}

/**
 * What a caller is told about anything a handler threw. Only SwarmErrors speak for themselves; everything else is a
 * fault of ours: logged here once, and answered with a sentence that tells nothing of its insides.
 */
export function statusOfThrown(thrown: unknown, path: string, log: Logger): WireStatus {
  if (thrown instanceof SwarmError) return statusOf(thrown);
  log.error({ error: thrown, method: path }, "rpc: handler failed unexpectedly");
  return { code: statusNumbers.INTERNAL, details: "internal error; the log of the manager says more" };
}

function isStatus(value: unknown): value is WireStatus {
  return (
    typeof value === "object" && value !== null && typeof Reflect.get(value, "code") === "number" && "details" in value
  );
}

/** A failure that grpc-js reported to a client. */
export function errorOfStatus(failure: unknown): SwarmError {
  if (failure instanceof SwarmError) return failure;
  if (!isStatus(failure)) return new SwarmError("UNKNOWN", messageOf(failure), { cause: failure });
  return new SwarmError(codeByNumber.get(failure.code) ?? "UNKNOWN", failure.details);
}
