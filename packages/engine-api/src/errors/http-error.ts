import { isSwarmError, type StatusCode, type SwarmError } from "@mswarm/runtime";

/** An answer that is an error, with its text as the client prints it: no gRPC prefix is added. No secret in the text. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly status: number;

  constructor(status: number, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.status = status;
  }
}

export const badRequest = (message: string): HttpError => new HttpError(400, message);
export const notFoundHere = (message: string): HttpError => new HttpError(404, message);
export const serverError = (message: string): HttpError => new HttpError(500, message);
export const notImplemented = (message: string): HttpError => new HttpError(501, message);
export const serviceUnavailable = (message: string): HttpError => new HttpError(503, message);

/** Source: moby api/server/httpstatus. Codes that are not listed are 500. */
const statusByCode: Partial<Record<StatusCode, number>> = {
  INVALID_ARGUMENT: 400,
  FAILED_PRECONDITION: 400,
  OUT_OF_RANGE: 400,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  PERMISSION_DENIED: 403,
  UNAUTHENTICATED: 401,
  UNIMPLEMENTED: 501,
  UNAVAILABLE: 503,
};

export const httpStatusOf = (code: StatusCode): number => statusByCode[code] ?? 500;

/** `InvalidArgument` for INVALID_ARGUMENT: the names of Go's gRPC. */
function goNameOf(code: StatusCode): string {
  // The one name that is not made by the rule. Source: grpc-go codes/code_string.go.
  if (code === "CANCELLED") return "Canceled";
  return code.toLowerCase().replaceAll(/(?:^|_)(?<initial>[a-z])/g, (_match, initial: string) => initial.toUpperCase());
}

/** A failure of the control API as Docker words it. */
export function grpcError(error: SwarmError): HttpError {
  const text = `rpc error: code = ${goNameOf(error.code)} desc = ${error.message}`;
  return new HttpError(httpStatusOf(error.code), text, { cause: error });
}

/** A failure of the daemon itself, without the gRPC prefix; anything but a SwarmError is given back as it is. */
export function plainly(error: unknown): unknown {
  return isSwarmError(error) ? new HttpError(httpStatusOf(error.code), error.message, { cause: error }) : error;
}
