// Restart, update and rollback policies, resources, placement: what the flags change in them.
import { invalidArgument, wireDuration } from "@mswarm/runtime";
import type {
  Placement,
  ResourceRequirements,
  Resources,
  RestartPolicy,
  RestartPolicy_RestartCondition,
  UpdateConfig,
  UpdateConfig_FailureAction,
  UpdateConfig_UpdateOrder,
} from "@mswarm/wire";
import { kindOf, parseReservation } from "../flags/generic-resource.ts";
import { parseDuration } from "../flags/go-duration.ts";
import { type OptionValues, UsageError } from "../flags/option-values.ts";
import { parseBytes, parseCpus, parseFraction, parseUnsigned } from "../flags/quantities.ts";
import { changedList, defined, withField } from "./merging.ts";

type WireDuration = ReturnType<typeof wireDuration>;

export const readDuration = (text: string): WireDuration => wireDuration(parseDuration(text));

/** One of the words of a flag, as the enum's name on the wire. Errors: INVALID_ARGUMENT. */
export function choice<T extends string>(words: Readonly<Record<string, T>>): (text: string) => T {
  return (text) => {
    const found = words[text];
    if (found === undefined) throw invalidArgument(`must be one of ${Object.keys(words).join(", ")}`);
    return found;
  };
}

const conditions = choice<RestartPolicy_RestartCondition>({ none: "NONE", "on-failure": "ON_FAILURE", any: "ANY" });
const orders = choice<UpdateConfig_UpdateOrder>({ "stop-first": "STOP_FIRST", "start-first": "START_FIRST" });
const updateActions = choice<UpdateConfig_FailureAction>({
  pause: "PAUSE",
  continue: "CONTINUE",
  rollback: "ROLLBACK",
});
const rollbackActions = choice<UpdateConfig_FailureAction>({ pause: "PAUSE", continue: "CONTINUE" });

/** Undefined when no flag asks for a policy and there is none. Docker's defaults: any, 5 s. */
export function changedRestart(current: RestartPolicy | undefined, flags: OptionValues): RestartPolicy | undefined {
  const change = defined({
    condition: flags.parsed("restartCondition", conditions),
    delay: flags.parsed("restartDelay", readDuration),
    maxAttempts: flags.parsed("restartMaxAttempts", parseUnsigned),
    window: flags.parsed("restartWindow", readDuration),
  });
  if (Object.keys(change).length === 0) return current;
  // An absent condition is NONE on the wire, but "any" is what a user gets who only says how long to wait.
  return { ...(current ?? { condition: "ANY", delay: readDuration("5s") }), ...change };
}

/** @param prefix  of the flags: `--update-…` or `--rollback-…` */
export function changedUpdate(
  current: UpdateConfig | undefined,
  flags: OptionValues,
  prefix: "update" | "rollback",
): UpdateConfig | undefined {
  const change = defined({
    parallelism: flags.parsed(`${prefix}Parallelism`, parseUnsigned),
    delay: flags.parsed(`${prefix}Delay`, readDuration),
    failureAction: flags.parsed(`${prefix}FailureAction`, prefix === "update" ? updateActions : rollbackActions),
    monitor: flags.parsed(`${prefix}Monitor`, readDuration),
    maxFailureRatio: flags.parsed(`${prefix}MaxFailureRatio`, parseFraction),
    order: flags.parsed(`${prefix}Order`, orders),
  });
  if (Object.keys(change).length === 0) return current;
  // Zero parallelism means all at once, so the default has to be written down; a delay is always there (wire 7.6).
  const defaults = { parallelism: "1", delay: wireDuration(parseDuration("0")), monitor: readDuration("5s") };
  return { ...(current ?? defaults), ...change };
}

export function changedResources(
  current: ResourceRequirements | undefined,
  flags: OptionValues,
): ResourceRequirements | undefined {
  const part = (name: "limit" | "reserve", old: Resources | undefined): Resources | undefined => {
    const change = defined({
      nanoCpus: flags.parsed(`${name}Cpu`, parseCpus),
      memoryBytes: flags.parsed(`${name}Memory`, parseBytes),
    });
    return Object.keys(change).length === 0 ? old : { ...old, ...change };
  };
  const limits = part("limit", current?.limits);
  const reservations = withGeneric(part("reserve", current?.reservations), flags);
  if (limits === current?.limits && reservations === current?.reservations) return current;
  return { ...current, ...defined({ limits, reservations }) };
}

/** Errors: UsageError for a kind to be removed that is not reserved. */
function withGeneric(reservations: Resources | undefined, flags: OptionValues): Resources | undefined {
  const add = flags.parsedAdded("genericResource", parseReservation);
  const remove = flags.removed("genericResource");
  if (add.length + remove.length === 0) return reservations;
  for (const kind of remove) {
    if (reservations?.generic?.some((resource) => kindOf(resource) === kind) === true) continue;
    throw new UsageError(`could not find generic-resource \`${kind}\` to remove it`);
  }
  return withField(reservations ?? {}, "generic", changedList(reservations?.generic, { add, remove }, kindOf));
}

export function changedPlacement(current: Placement | undefined, flags: OptionValues): Placement | undefined {
  const constraints = changedList(
    current?.constraints,
    { add: flags.added("constraint"), remove: flags.removed("constraint") },
    (text) => text,
  );
  const preferences = changedList(
    current?.preferences,
    {
      add: flags
        .parsedAdded("placementPref", parsePreference)
        .map((spreadDescriptor) => ({ spread: { spreadDescriptor } })),
      remove: flags.parsedList("placementPrefRm", parsePreference),
    },
    (preference) => preference.spread?.spreadDescriptor ?? "",
  );
  const maxReplicas = flags.parsed("replicasMaxPerNode", parseUnsigned) ?? current?.maxReplicas;
  const placement: Placement = { ...defined({ constraints, preferences, platforms: current?.platforms, maxReplicas }) };
  return current === undefined && Object.keys(placement).length === 0 ? undefined : placement;
}

/** `spread=node.labels.zone`. Errors: INVALID_ARGUMENT. */
function parsePreference(text: string): string {
  const descriptor = /^spread=(?<descriptor>.+)$/.exec(text)?.groups?.["descriptor"];
  if (descriptor === undefined) {
    throw invalidArgument('placement preference must be of the format "<strategy>=<arg>", and the strategy "spread"');
  }
  return descriptor;
}
