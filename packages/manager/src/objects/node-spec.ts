import { invalidArgument } from "@mswarm/runtime";
import type { NodeSpec } from "@mswarm/wire";

/** Every value of the fields is allowed; whether a change is, depends on the cluster. Errors: INVALID_ARGUMENT. */
export function validateNodeSpec(spec: NodeSpec | undefined): asserts spec is NodeSpec {
  if (spec === undefined) throw invalidArgument("invalid argument");
}
