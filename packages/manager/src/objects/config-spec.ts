// Source: swarmkit manager/controlapi/config.go.
import { invalidArgument } from "@mswarm/runtime";
import type { ConfigSpec } from "@mswarm/wire";
import { validatePayloadName } from "./annotations.ts";
import { requireKnownTemplating } from "./templating.ts";

/** Configs are smaller than this many bytes. */
export const configBytesLimit: number = 1000 * 1024;

/** Errors: INVALID_ARGUMENT, UNIMPLEMENTED. */
export function validateConfigSpec(spec: ConfigSpec | undefined): asserts spec is ConfigSpec {
  if (spec === undefined) throw invalidArgument("invalid argument");
  validatePayloadName(spec.annotations);
  const size = spec.data?.length ?? 0;
  if (size === 0 || size >= configBytesLimit) {
    throw invalidArgument("config data must be larger than 0 and less than 1024000 bytes");
  }
  requireKnownTemplating(spec.templating);
}
