// Source: swarmkit manager/controlapi/service.go, validateTaskSpec; the order of the checks is kept.
import { durationOf, invalidArgument, milliseconds, unimplemented } from "@mswarm/runtime";
import type { GenericRuntimeSpec, ResourceRequirements, Resources, RestartPolicy, TaskSpec } from "@mswarm/wire";
import { parseConstraints } from "./constraints.ts";
import { validateContainerSpec } from "./container-spec.ts";
import { goFloat, goQuoted } from "./go-format.ts";
import { validatePayloadReferences } from "./payload-references.ts";

const zero = milliseconds(0);
const nanoCpusMin = 1e6;
const nanoCpusPerCpu = 1e9;
const memoryBytesMin = 4 * 1024 * 1024;

/** Errors: INVALID_ARGUMENT, UNKNOWN for constraints, UNIMPLEMENTED for runtimes. */
export function validateTaskSpec(spec: TaskSpec): void {
  validateResources(spec.resources);
  if (spec.restart !== undefined) validateRestartPolicy(spec.restart);
  parseConstraints(spec.placement?.constraints ?? []);
  if (spec.container !== undefined) {
    validatePayloadReferences(spec.container);
    validateContainerSpec(spec.container);
  } else if (spec.generic !== undefined) {
    validateGenericRuntime(spec.generic);
  } else if (spec.attachment !== undefined) {
    throw unimplemented("RuntimeSpec: unimplemented runtime in service spec");
  } else {
    throw invalidArgument("TaskSpec: missing runtime");
  }
}

function validateResources(requirements: ResourceRequirements | undefined): void {
  for (const resources of [requirements?.limits, requirements?.reservations]) {
    if (resources !== undefined) validateAmounts(resources);
  }
}

function validateAmounts({ nanoCpus = "0", memoryBytes = "0" }: Resources): void {
  const cpus = Number(nanoCpus);
  if (cpus !== 0 && cpus < nanoCpusMin) {
    const [given, least] = [goFloat(cpus / nanoCpusPerCpu), goFloat(nanoCpusMin / nanoCpusPerCpu)];
    throw invalidArgument(`invalid cpu value ${given}: Must be at least ${least}`);
  }
  const memory = Number(memoryBytes);
  if (memory !== 0 && memory < memoryBytesMin) {
    throw invalidArgument(`invalid memory value ${memoryBytes}: Must be at least 4MiB`);
  }
}

function validateRestartPolicy({ delay, window }: RestartPolicy): void {
  if (durationOf(delay, zero) < 0) throw invalidArgument("TaskSpec: restart-delay cannot be negative");
  if (durationOf(window, zero) < 0) throw invalidArgument("TaskSpec: restart-window cannot be negative");
}

const reservedKinds: readonly string[] = ["container", "attachment"];

function validateGenericRuntime({ kind = "", payload }: GenericRuntimeSpec): void {
  if (Buffer.byteLength(kind) < 3) throw invalidArgument(`Generic runtime: Invalid name ${goQuoted(kind)}`);
  if (reservedKinds.includes(kind.toLowerCase())) {
    throw invalidArgument(`Generic runtime: ${goQuoted(kind)} is a reserved name`);
  }
  if (payload === undefined) throw invalidArgument("Generic runtime is missing payload");
  if ((payload.type_url ?? "") === "") throw invalidArgument("Generic runtime is missing payload type");
  if ((payload.value?.length ?? 0) === 0) throw invalidArgument("Generic runtime has an empty payload");
}
