// Source: swarmkit manager/controlapi/secret.go and api/validation/secrets.go.
import { invalidArgument, unimplemented } from "@mswarm/runtime";
import type { SecretSpec } from "@mswarm/wire";
import { validatePayloadName } from "./annotations.ts";
import { requireKnownTemplating } from "./templating.ts";

/** Secrets are smaller than this many bytes. */
export const secretBytesLimit: number = 500 * 1024;

/** Errors: INVALID_ARGUMENT, UNIMPLEMENTED. */
export function validateSecretSpec(spec: SecretSpec | undefined): asserts spec is SecretSpec {
  if (spec === undefined) throw invalidArgument("invalid argument");
  validatePayloadName(spec.annotations);
  if (spec.driver !== undefined) {
    if ((spec.driver.name ?? "") === "") throw invalidArgument("secret driver must have a name");
    throw unimplemented("this version of mswarm has no secret drivers: create the secret with its data");
  }
  const size = spec.data?.length ?? 0;
  if (size === 0 || size >= secretBytesLimit) {
    throw invalidArgument("secret data must be larger than 0 and less than 512000 bytes");
  }
  requireKnownTemplating(spec.templating);
}
