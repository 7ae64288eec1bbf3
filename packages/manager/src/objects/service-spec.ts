// Source: swarmkit manager/controlapi/service.go, validateServiceSpec; the order of the checks is kept.
import { durationOf, invalidArgument, milliseconds } from "@mswarm/runtime";
import type { EndpointSpec, ServiceSpec, UpdateConfig } from "@mswarm/wire";
import { validateDnsName } from "./annotations.ts";
import { validateTaskSpec } from "./task-spec.ts";

const zero = milliseconds(0);

/** What is wrong with a service spec by itself. Errors: INVALID_ARGUMENT, UNIMPLEMENTED, UNKNOWN for constraints. */
export function validateServiceSpec(spec: ServiceSpec | undefined): asserts spec is ServiceSpec {
  if (spec === undefined) throw invalidArgument("invalid argument");
  validateDnsName(spec.annotations);
  validateTaskSpec(spec.task ?? {});
  validateMode(spec);
  if (isJob(spec)) {
    if (spec.update !== undefined) throw invalidArgument("Jobs may not have an update config");
  } else {
    validateUpdateConfig(spec.update);
    // Differs: SwarmKit lets a bad rollback config in, and meets it in the middle of a rollback.
    validateUpdateConfig(spec.rollback);
  }
  validateEndpoint(spec.endpoint);
}

export const isJob = (spec: ServiceSpec): boolean => spec.replicatedJob !== undefined || spec.globalJob !== undefined;

/** The member of the oneof `mode` that is present. */
export function modeName(
  spec: ServiceSpec | undefined,
): "replicated" | "global" | "replicatedJob" | "globalJob" | undefined {
  const modes = ["replicated", "global", "replicatedJob", "globalJob"] as const;
  return modes.find((mode) => spec?.[mode] !== undefined);
}

// Go casts the unsigned numbers of the wire, so that −1 arrives as 2^64 − 1.
const isNegative = (uint64: string | undefined): boolean => BigInt.asIntN(64, BigInt(uint64 ?? "0")) < 0n;

function validateMode(spec: ServiceSpec): void {
  if (modeName(spec) === undefined) throw invalidArgument("Unrecognized service mode");
  if (isNegative(spec.replicated?.replicas)) throw invalidArgument("Number of replicas must be non-negative");
  if (isNegative(spec.replicatedJob?.maxConcurrent)) {
    throw invalidArgument("Maximum concurrent jobs must not be negative");
  }
  if (isNegative(spec.replicatedJob?.totalCompletions)) {
    throw invalidArgument("Total completed jobs must not be negative");
  }
}

function validateUpdateConfig(config: UpdateConfig | undefined): void {
  if (durationOf(config?.delay, zero) < 0) throw invalidArgument("TaskSpec: update-delay cannot be negative");
  if (durationOf(config?.monitor, zero) < 0) throw invalidArgument("TaskSpec: update-monitor cannot be negative");
  const ratio = config?.maxFailureRatio ?? 0;
  if (!(ratio >= 0 && ratio <= 1)) {
    throw invalidArgument("TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1");
  }
}

function validateEndpoint(endpoint: EndpointSpec | undefined): void {
  const published = new Set<string>();
  for (const { publishMode = "INGRESS", publishedPort = 0, protocol = "TCP" } of endpoint?.ports ?? []) {
    if (endpoint?.mode === "DNSRR" && publishMode === "INGRESS") {
      throw invalidArgument("EndpointSpec: port published with ingress mode can't be used with dnsrr mode");
    }
    if (publishedPort === 0) continue;
    const port = `${publishedPort}/${protocol}`;
    if (published.has(port)) throw invalidArgument("EndpointSpec: duplicate published ports provided");
    published.add(port);
  }
}
