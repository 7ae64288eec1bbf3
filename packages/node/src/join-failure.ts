// What a person is told whose node could not get a certificate.
import { invalidArgument, isSwarmError, unavailable } from "@mswarm/runtime";

/** Adds what the person needs to know: which addresses were asked, and what the last of them said. */
export function joinFailure(
  error: unknown,
  asked: { readonly addresses: readonly string[]; readonly lastFailure: string | undefined },
): unknown {
  const addresses = asked.addresses.join(", ");
  if (isSwarmError(error, "DEADLINE_EXCEEDED") || isSwarmError(error, "UNAVAILABLE")) {
    const reason = asked.lastFailure ?? error.message;
    return unavailable(`no manager could be reached at ${addresses}; the last failure: ${reason}`, { cause: error });
  }
  if (isSwarmError(error, "INVALID_ARGUMENT") && error.message.includes("does not match fingerprint")) {
    return invalidArgument(`${error.message}: the join token belongs to another cluster than ${addresses}`, {
      cause: error,
    });
  }
  return error;
}
