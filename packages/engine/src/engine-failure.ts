// From the failures of an HTTP client to SwarmError.
import { abortReason, isSwarmError, messageOf, type StatusCode, SwarmError } from "@mswarm/runtime";

/** The HTTP status that the engine answered with; undefined when it did not answer. */
export function httpStatusOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("statusCode" in error)) return undefined;
  return typeof error.statusCode === "number" ? error.statusCode : undefined;
}

const codeByStatus: Readonly<Record<number, StatusCode>> = {
  400: "INVALID_ARGUMENT",
  401: "PERMISSION_DENIED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  409: "FAILED_PRECONDITION",
  501: "UNIMPLEMENTED",
  503: "UNAVAILABLE",
};

function engineText(error: unknown): string {
  const body: unknown = typeof error === "object" && error !== null && "json" in error ? error.json : undefined;
  if (typeof body === "object" && body !== null && "message" in body && typeof body.message === "string") {
    return body.message;
  }
  // For streams the client library keeps no body; its own message is a prefix and the engine's text.
  return messageOf(error)
    .replace(/^\(HTTP code \d+\) [a-z ]* - /, "")
    .trim();
}

/**
 * The failure of one call: the engine's refusal with its own text, or UNAVAILABLE when no answer came.
 * An aborted signal wins: then its reason is the failure.
 */
export function engineFailure(error: unknown, signal: AbortSignal | undefined): Error {
  if (signal?.aborted) return abortReason(signal);
  if (isSwarmError(error)) return error;
  const status = httpStatusOf(error);
  if (status === undefined) {
    return new SwarmError("UNAVAILABLE", `the engine does not answer: ${messageOf(error)}`, { cause: error });
  }
  return new SwarmError(codeByStatus[status] ?? "INTERNAL", engineText(error), { cause: error });
}
