// How many tasks a service has, and whether they run for ever: `--mode`, `--replicas`, `--max-concurrent`.
import { invalidArgument } from "@mswarm/runtime";
import type { ServiceSpec } from "@mswarm/wire";
import { type OptionValues, UsageError } from "../flags/option-values.ts";
import { parseUnsigned } from "../flags/quantities.ts";

type Mode = Pick<ServiceSpec, "replicated" | "global" | "replicatedJob" | "globalJob">;

export const isJob = ({ replicatedJob, globalJob }: Mode): boolean =>
  replicatedJob !== undefined || globalJob !== undefined;

/** The mode of a new service. Source: docker/cli command/service/opts.go, ToServiceMode. Errors: UsageError. */
export function newMode(flags: OptionValues): Mode {
  const mode = flags.text("mode") ?? "replicated";
  const replicas = flags.parsed("replicas", parseUnsigned);
  const maxConcurrent = flags.parsed("maxConcurrent", parseUnsigned);
  if (mode === "global" || mode === "global-job") {
    if (replicas !== undefined)
      throw new UsageError("replicas can only be used with replicated or replicated-job mode");
    if (flags.text("replicasMaxPerNode") !== undefined) {
      throw new UsageError("replicas-max-per-node can only be used with replicated or replicated-job mode");
    }
  }
  if (mode !== "replicated-job" && maxConcurrent !== undefined) {
    throw new UsageError("max-concurrent can only be used with replicated-job mode");
  }
  switch (mode) {
    case "replicated":
      return { replicated: { replicas: replicas ?? "1" } };
    case "global":
      return { global: {} };
    case "global-job":
      return { globalJob: {} };
    case "replicated-job": {
      const totalCompletions = replicas ?? maxConcurrent ?? "1";
      return { replicatedJob: { maxConcurrent: maxConcurrent ?? totalCompletions, totalCompletions } };
    }
    default:
      throw new UsageError(
        `Unknown mode: ${mode}, only replicated, global, replicated-job and global-job are supported`,
      );
  }
}

/**
 * The spec with another number of replicas (of a job: completions); unchanged where `replicas` is undefined.
 * Errors: UsageError for a service without replicas.
 */
export function scaled(spec: ServiceSpec, replicas: string | undefined): ServiceSpec {
  if (replicas === undefined) return spec;
  if (spec.replicatedJob !== undefined) {
    return { ...spec, replicatedJob: { ...spec.replicatedJob, totalCompletions: replicas } };
  }
  if (spec.replicated === undefined)
    throw new UsageError("replicas can only be used with replicated or replicated-job mode");
  return { ...spec, replicated: { replicas } };
}

/** The spec with the concurrency of the flags. Errors: UsageError for a service that is no replicated job. */
export function withConcurrency(spec: ServiceSpec, flags: OptionValues): ServiceSpec {
  const maxConcurrent = flags.parsed("maxConcurrent", parseUnsigned);
  if (maxConcurrent === undefined) return spec;
  if (spec.replicatedJob === undefined) {
    throw new UsageError("max-concurrent can only be used with replicated-job mode");
  }
  return { ...spec, replicatedJob: { ...spec.replicatedJob, maxConcurrent } };
}

/** Errors: INVALID_ARGUMENT for a job with an update or rollback policy, which jobs cannot have. */
export function requireNoPolicies(spec: ServiceSpec): void {
  if (isJob(spec) && (spec.update !== undefined || spec.rollback !== undefined)) {
    throw invalidArgument("update and rollback configuration is not supported for jobs");
  }
}
