import { invalidArgument, unknownError } from "@mswarm/runtime";
import type {
  NetworkAttachmentConfig,
  NetworkAttachmentSpec,
  Placement,
  PlacementPreference,
  RestartPolicy,
  RestartPolicy_RestartCondition,
  SpreadOver,
  TaskSpec,
} from "@mswarm/wire";
import { driver, platform, saidByMember } from "./basics.ts";
import { adjusted, listOf, mapOf } from "./collections.ts";
import { containerSpec } from "./container-spec.ts";
import { isJsonObject, type Json, type JsonObject, jsonInteger } from "./json.ts";
import { fieldsOf, jsonFields } from "./message.ts";
import { resourceRequirements } from "./resources.ts";
import { int64, text, uint64, wordOf } from "./scalars.ts";
import type { Place, Shape } from "./shape.ts";
import { duration } from "./times.ts";

const restarts = fieldsOf<RestartPolicy>("RestartPolicy");
const restartPolicy = restarts.message(
  [
    restarts.field(
      "Condition",
      "condition",
      wordOf<RestartPolicy_RestartCondition>(
        { NONE: "none", ON_FAILURE: "on-failure", ANY: "any" },
        (word) => `invalid RestartCondition: ${JSON.stringify(word)}`,
        { emptyMeans: "ANY" },
      ),
      { always: true, absentAs: "" },
    ),
    restarts.field("Delay", "delay", duration),
    restarts.field("MaxAttempts", "maxAttempts", uint64, { always: true }),
    restarts.field("Window", "window", duration),
  ],
  {},
);

const spreads = fieldsOf<SpreadOver>("SpreadOver");
const spread = spreads.message([spreads.field("SpreadDescriptor", "spreadDescriptor", text, { always: true })], {});

const preferences = fieldsOf<PlacementPreference>("PlacementPreference");
const preferenceTable = preferences.message([preferences.field("Spread", "spread", spread)], {
  Preference: saidByMember,
});
const preference: Shape<PlacementPreference> = adjusted(preferenceTable, {
  read: (json, place) => {
    const read = preferenceTable.read(json, place);
    if (read.spread === undefined) throw invalidArgument("a placement preference needs a Spread");
    return read;
  },
});

const placements = fieldsOf<Placement>("Placement");
const placement = placements.message(
  [
    placements.field("Constraints", "constraints", listOf(text)),
    placements.field("Preferences", "preferences", listOf(preference, "[]swarm.PlacementPreference")),
    placements.field("MaxReplicas", "maxReplicas", uint64, { since: 40 }),
    placements.field("Platforms", "platforms", listOf(platform, "[]swarm.Platform")),
  ],
  {},
);

const attachments = fieldsOf<NetworkAttachmentConfig>("NetworkAttachmentConfig");
const attachment = attachments.message(
  [
    attachments.field("Target", "target", text),
    attachments.field("Aliases", "aliases", listOf(text)),
    attachments.field("DriverOpts", "driverAttachmentOpts", mapOf(text)),
  ],
  { addresses: "fixed addresses are for containers that are attached by hand" },
);

/** Networks that tasks want to be attached to. */
export const networkAttachments: Shape<NetworkAttachmentConfig[]> = listOf(
  attachment,
  "[]swarm.NetworkAttachmentConfig",
);

const containers = fieldsOf<NetworkAttachmentSpec>("NetworkAttachmentSpec");
const attachedContainer = containers.message(
  [containers.field("ContainerID", "containerId", text, { always: true })],
  {},
);

const spec = fieldsOf<TaskSpec>("TaskSpec");
const table = spec.message(
  [
    spec.field("ContainerSpec", "container", containerSpec),
    spec.field("NetworkAttachmentSpec", "attachment", attachedContainer),
    spec.field("Resources", "resources", resourceRequirements),
    spec.field("RestartPolicy", "restart", restartPolicy),
    spec.field("Placement", "placement", placement),
    spec.field("Networks", "networks", networkAttachments),
    spec.field("LogDriver", "logDriver", driver),
    spec.field("ForceUpdate", "forceUpdate", uint64, { always: true }),
  ],
  {
    generic: "plugins as services: refused at reading, and shown by their Runtime only",
    resourceReferences: "for runtimes other than containers",
    runtime: saidByMember,
  },
);

/** `Spec` of a task. The limit of processes stands with the resources in the JSON, with the container on the wire. */
export const taskSpec: Shape<TaskSpec> = adjusted(table, {
  write: (value) => {
    const json = withPids(table.write(value), value.container?.pidsLimit);
    return value.attachment === undefined ? json : { ...json, Runtime: "attachment" };
  },
  read: (json, place) => {
    const read = table.read(json, place);
    const pidsLimit = place.api < 41 ? undefined : readPids(json, place);
    return pidsLimit === undefined || read.container === undefined
      ? read
      : { ...read, container: { ...read.container, pidsLimit } };
  },
});

function withPids(json: Json, pids: string | undefined): JsonObject {
  const object = isJsonObject(json) ? json : {};
  if (pids === undefined || pids === "0") return object;
  const given = isJsonObject(object["Resources"]) ? object["Resources"] : {};
  const limits = isJsonObject(given["Limits"]) ? given["Limits"] : {};
  return { ...object, Resources: { ...given, Limits: { ...limits, Pids: jsonInteger(pids) } } };
}

function readPids(json: Json, place: Place): string | undefined {
  const given = jsonFields(json, place).get("Resources") ?? {};
  const limits = jsonFields(given, place).get("Limits") ?? {};
  const pids = jsonFields(limits, place).get("Pids") ?? 0;
  const value = int64.read(pids, { ...place, struct: "Limit", path: `${place.path}.Resources.Limits.Pids` });
  return value === "0" ? undefined : value;
}

/**
 * `TaskTemplate` of a service: a task's spec that also says what kind it is.
 * Errors: INVALID_ARGUMENT, also for kinds that services cannot be.
 */
export const taskTemplate: Shape<TaskSpec> = adjusted(taskSpec, {
  write: (value) => ({
    ...(taskSpec.write(value) as JsonObject),
    ...(value.container === undefined ? {} : { Runtime: "container" }),
    ...(value.generic === undefined ? {} : { Runtime: value.generic.kind ?? "" }),
  }),
  read: (json, place) => {
    const fields = jsonFields(json, place);
    const runtime = text.read(fields.get("Runtime") ?? "", {
      ...place,
      struct: "TaskSpec",
      path: `${place.path}.Runtime`,
    });
    const { attachment: _never, ...read } = taskSpec.read(json, place);
    if (runtime === "plugin" && fields.get("PluginSpec") !== undefined) throw pluginsRefused();
    if (runtime !== "" && runtime !== "container" && runtime !== "plugin") throw invalidArgument("unsupported runtime");
    if (read.container === undefined || runtime === "plugin" || fields.get("PluginSpec") !== undefined) {
      throw invalidArgument("mismatched Runtime and *Spec fields");
    }
    return read;
  },
});

/** In Docker's words, of an Engine that is not experimental. */
const pluginsRefused = (): Error => unknownError('runtime type "plugin" only supported in experimental');
