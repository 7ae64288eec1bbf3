// Names and labels. Source: swarmkit manager/controlapi/common.go; wire reference 9.2.
import { invalidArgument } from "@mswarm/runtime";
import type { Annotations } from "@mswarm/wire";

// The same names as SwarmKit's patterns admit, written so that no input makes them backtrack for long.
const dnsName = /^[a-zA-Z0-9](?:[a-zA-Z0-9_-]*[a-zA-Z0-9])?$/;
const dnsNameMax = 63;
const payloadName = /^[a-zA-Z0-9](?:[a-zA-Z0-9_.-]*[a-zA-Z0-9])?$/;
/** Characters of the name of a secret or config. */
export const payloadNameMax = 64;

/** Name of a service or network. Errors: INVALID_ARGUMENT. */
export function validateDnsName(annotations: Annotations | undefined): void {
  const name = annotations?.name ?? "";
  if (name === "") throw invalidArgument("meta: name must be provided");
  if (!dnsName.test(name)) {
    throw invalidArgument("name must be valid as a DNS name component");
  }
  if (name.length > dnsNameMax) throw invalidArgument("name must be 63 characters or fewer");
}

/** Name of a secret or config. Errors: INVALID_ARGUMENT. */
export function validatePayloadName(annotations: Annotations | undefined): void {
  const name = annotations?.name ?? "";
  if (name === "") throw invalidArgument("name must be provided");
  if (name.length > payloadNameMax || !payloadName.test(name)) {
    throw invalidArgument(
      "invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end character must be [a-zA-Z0-9]",
    );
  }
}
