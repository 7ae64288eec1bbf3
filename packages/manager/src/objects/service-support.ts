// What SwarmKit can do and this version cannot: refused with a sentence instead of being half done.
import { type SwarmError, unimplemented } from "@mswarm/runtime";
import type { ServiceSpec } from "@mswarm/wire";

/** The spec must have been validated. Errors: UNIMPLEMENTED. */
export function requireSupportedService(spec: ServiceSpec): void {
  if (spec.task?.generic !== undefined) {
    throw unimplemented(
      "this version of mswarm runs containers only: services of other runtimes (plugins) are refused",
    );
  }
  for (const { publishMode = "INGRESS", targetPort = 0 } of spec.endpoint?.ports ?? []) {
    if (publishMode === "INGRESS") throw noIngress(targetPort);
  }
  for (const { type, target = "" } of spec.task?.container?.mounts ?? []) {
    if (type === "CLUSTER") {
      throw unimplemented(`this version of mswarm has no cluster volumes (CSI): the mount at ${target} is refused`);
    }
  }
}

function noIngress(targetPort: number): SwarmError {
  return unimplemented(
    `this version of mswarm has no routing mesh: port ${targetPort} cannot be published in mode ingress, use mode=host`,
  );
}
