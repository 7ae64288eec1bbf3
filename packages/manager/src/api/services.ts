// Services. The orchestrator does what they say. Source: swarmkit manager/controlapi/service.go.
import { isDeepStrictEqual } from "node:util";
import { isSwarmError, newId, notFound, unimplemented } from "@mswarm/runtime";
import { services } from "@mswarm/store";
import type {
  CreateServiceRequest,
  CreateServiceResponse,
  GetServiceRequest,
  GetServiceResponse,
  ListServicesRequest,
  ListServicesResponse,
  RemoveServiceRequest,
  RemoveServiceResponse,
  Service,
  ServiceSpec,
  UpdateServiceRequest,
  UpdateServiceResponse,
} from "@mswarm/wire";
import { firstIteration, inNextIteration } from "../objects/job-iteration.ts";
import { runtimeName } from "../objects/naming.ts";
import { withoutCredentials } from "../objects/redaction.ts";
import { withServiceDefaults } from "../objects/service-defaults.ts";
import { isJob, modeName, validateServiceSpec } from "../objects/service-spec.ts";
import { requireSupportedService } from "../objects/service-support.ts";
import type { ControlOperation } from "./control-parts.ts";
import { described, isAmong, meetsAll } from "./filters.ts";
import { requireFulfillable } from "./service-checks.ts";
import { rolledBack, withNewSpec } from "./service-versions.ts";
import { asRead, existing, incomplete, listed, withNameText } from "./stored.ts";

/** Errors: INVALID_ARGUMENT, NOT_FOUND. */
export const getService: ControlOperation<GetServiceRequest, GetServiceResponse> = async (
  { store },
  { serviceId = "", insertDefaults = false },
) => {
  if (serviceId === "") throw incomplete();
  const service = store.view((tx) => existing(tx, services, serviceId));
  return { service: insertDefaults ? { ...service, spec: withServiceDefaults(service.spec ?? {}) } : service };
};

export const listServices: ControlOperation<ListServicesRequest, ListServicesResponse> = async (
  { store },
  { filters },
) => ({
  services: listed(
    store,
    services,
    (service) =>
      meetsAll(described(service), filters) && isAmong(runtimeName(service.spec?.task) ?? "", filters?.runtimes),
    filters,
  ).map(withoutCredentials),
});

/**
 * Errors: INVALID_ARGUMENT, NOT_FOUND (networks), UNKNOWN (constraints), ALREADY_EXISTS,
 * UNIMPLEMENTED for what this version cannot do.
 */
export const createService: ControlOperation<CreateServiceRequest, CreateServiceResponse> = async (
  { store, clock, random },
  { spec },
) => {
  validateServiceSpec(spec);
  const id = newId(random);
  const creation = store.update((tx) => {
    requireFulfillable(tx, spec);
    requireSupportedService(spec);
    const job = isJob(spec) ? { jobStatus: firstIteration(clock.now()) } : {};
    return tx.create(services, { id, spec, specVersion: {}, ...job });
  });
  const name = spec.annotations?.name ?? "";
  return { service: await withNameText(creation, (stored) => `${stored}: service ${name} already exists`) };
};

/**
 * Puts a new spec in force, or goes back to the one before.
 * Errors: as for creation, and FAILED_PRECONDITION without a previous spec, UNKNOWN for a stale version.
 */
export const updateService: ControlOperation<UpdateServiceRequest, UpdateServiceResponse> = async (
  { store, clock },
  { serviceId = "", serviceVersion, spec, rollback = "NONE" },
) => {
  if (serviceId === "" || serviceVersion === undefined) throw incomplete();
  validateServiceSpec(spec);
  const service = await store.update((tx) => {
    const stored = asRead(existing(tx, services, serviceId), serviceVersion);
    requireUpdatable(stored, spec);
    const next = rollback === "PREVIOUS" ? rolledBack(stored, clock.now()) : withNewSpec(stored, spec);
    // Differs: SwarmKit checks the requested spec also when it goes back to another one.
    requireFulfillable(tx, next.spec ?? {}, serviceId);
    requireSupportedService(next.spec ?? {});
    return tx.update(services, inNextIteration(next, clock.now()));
  });
  return { service };
};

function requireUpdatable({ spec: current }: Service, next: ServiceSpec): void {
  const [oldNetworks, newNetworks] = [current?.networks ?? [], next.networks ?? []];
  const sameOfTask = isDeepStrictEqual(current?.task?.networks ?? [], next.task?.networks ?? []);
  if (!isDeepStrictEqual(oldNetworks, newNetworks) && sameOfTask) {
    throw unimplemented("networks must be migrated to TaskSpec before being changed");
  }
  if (modeName(current) !== modeName(next)) throw unimplemented("service mode change is not allowed");
  if (current?.annotations?.name !== next.annotations?.name) throw unimplemented("renaming services is not supported");
}

/** Deletes the object at once; the orchestrator then removes its tasks. Errors: INVALID_ARGUMENT, NOT_FOUND. */
export const removeService: ControlOperation<RemoveServiceRequest, RemoveServiceResponse> = async (
  { store },
  { serviceId = "" },
) => {
  if (serviceId === "") throw incomplete();
  try {
    await store.update((tx) => tx.remove(services, serviceId));
  } catch (error) {
    throw isSwarmError(error, "NOT_FOUND") ? notFound(`service ${serviceId} not found`, { cause: error }) : error;
  }
  return {};
};
