import type { ServiceSpec, ServiceSpecInput } from "@mswarm/wire";
import { notAvailable } from "../local-failure.ts";

/** A spec as a request takes it. Errors: LocalFailure for services that are no containers. */
export function sendable(spec: ServiceSpec): ServiceSpecInput {
  const { generic, ...task } = spec.task ?? {};
  if (generic !== undefined) throw notAvailable("services that run plugins cannot be changed here");
  return { ...spec, task };
}
