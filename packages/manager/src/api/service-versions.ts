// A service keeps the spec in force and one older one, each with its version. Source: wire reference 7.2.
import { failedPrecondition, type Instant, wireTimestamp } from "@mswarm/runtime";
import type { Service, ServiceSpec, Version } from "@mswarm/wire";

type Spec = Pick<Service, "spec" | "specVersion">;

const asPrevious = ({ spec, specVersion }: Spec): Pick<Service, "previousSpec" | "previousSpecVersion"> => ({
  ...(spec === undefined ? {} : { previousSpec: spec }),
  ...(specVersion === undefined ? {} : { previousSpecVersion: specVersion }),
});

/**
 * The service with `spec` in force, and no update begun. The version of the spec is that of the object before the
 * update, so it never equals the object's own; an equal spec makes a new version too.
 */
export function withNewSpec(service: Service, spec: ServiceSpec): Service {
  const { updateStatus: _status, previousSpec: _spec, previousSpecVersion: _version, ...rest } = service;
  const specVersion: Version = service.meta?.version ?? {};
  return { ...rest, ...asPrevious(service), spec, specVersion };
}

/**
 * The service with its two specs exchanged, rolling back.
 * Errors: FAILED_PRECONDITION when there is no previous spec.
 */
export function rolledBack(service: Service, now: Instant): Service {
  const { previousSpec, previousSpecVersion, specVersion: _version, ...rest } = service;
  if (previousSpec === undefined) {
    throw failedPrecondition(`service ${service.id ?? ""} does not have a previous spec`);
  }
  return {
    ...rest,
    ...asPrevious(service),
    spec: previousSpec,
    ...(previousSpecVersion === undefined ? {} : { specVersion: previousSpecVersion }),
    updateStatus: {
      state: "ROLLBACK_STARTED",
      message: "manually requested rollback",
      startedAt: wireTimestamp(now),
    },
  };
}
