// The one kind of expected error. Anything else that is thrown is a programmer's mistake.

/** Names of the gRPC status codes, with their numbers on the wire. */
export const statusNumbers = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

export type StatusCode = Exclude<keyof typeof statusNumbers, "OK">;

/**
 * An expected failure. The message is for a person (what failed, why, what to do) and goes over the wire unchanged,
 * so it holds no secret, key or token.
 */
export class SwarmError extends Error {
  override readonly name = "SwarmError";
  /** Decides the gRPC status and, through it, the HTTP status and the exit code. */
  readonly code: StatusCode;

  constructor(code: StatusCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

type Factory = (message: string, options?: { cause?: unknown }) => SwarmError;
const factory =
  (code: StatusCode): Factory =>
  (message, options) =>
    new SwarmError(code, message, options);

export const invalidArgument: Factory = factory("INVALID_ARGUMENT");
export const notFound: Factory = factory("NOT_FOUND");
export const alreadyExists: Factory = factory("ALREADY_EXISTS");
export const permissionDenied: Factory = factory("PERMISSION_DENIED");
export const failedPrecondition: Factory = factory("FAILED_PRECONDITION");
export const resourceExhausted: Factory = factory("RESOURCE_EXHAUSTED");
export const unavailable: Factory = factory("UNAVAILABLE");
export const aborted: Factory = factory("ABORTED");
export const unimplemented: Factory = factory("UNIMPLEMENTED");
export const unknownError: Factory = factory("UNKNOWN");
export const deadlineExceeded: Factory = factory("DEADLINE_EXCEEDED");
export const dataLoss: Factory = factory("DATA_LOSS");
export const internal: Factory = factory("INTERNAL");

/** True when `error` is a SwarmError, of the given code when one is given. */
export function isSwarmError(error: unknown, code?: StatusCode): error is SwarmError {
  return error instanceof SwarmError && (code === undefined || error.code === code);
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Thrown by `invariant`: a fault of the program, not of its surroundings. */
export class InvariantViolation extends Error {
  override readonly name = "InvariantViolation";
}

/**
 * Stops on a state that cannot be. `data` is printed with the message: no secrets in it.
 */
export function invariant(condition: unknown, message: string, data?: Record<string, unknown>): asserts condition {
  if (!condition) throw new InvariantViolation(data === undefined ? message : `${message} ${JSON.stringify(data)}`);
}
