// Source: swarmkit manager/controlapi/cluster.go, validateClusterSpec.
import { durationOf, hours, invalidArgument, milliseconds } from "@mswarm/runtime";
import type { ClusterSpec } from "@mswarm/wire";

/** The one cluster object of a swarm has this name. */
export const defaultClusterName = "default";

const shortestCertificateExpiry = hours(1);
const zero = milliseconds(0);

/** Errors: INVALID_ARGUMENT. */
export function validateClusterSpec(spec: ClusterSpec | undefined): asserts spec is ClusterSpec {
  if (spec === undefined) throw invalidArgument("invalid argument");
  if (durationOf(spec.caConfig?.nodeCertExpiry, shortestCertificateExpiry) < shortestCertificateExpiry) {
    throw invalidArgument("minimum certificate expiry time is: 1h0m0s");
  }
  for (const { secret } of spec.acceptancePolicy?.policies ?? []) {
    if (secret !== undefined && secret.alg?.toLowerCase() !== "bcrypt") {
      throw invalidArgument(`hashing algorithm is not supported: ${secret.alg ?? ""}`);
    }
  }
  if (durationOf(spec.dispatcher?.heartbeatPeriod, zero) < 0) {
    throw invalidArgument("heartbeat time period cannot be a negative duration");
  }
  if (spec.annotations?.name !== defaultClusterName) {
    throw invalidArgument("modification of cluster name is not allowed");
  }
}
