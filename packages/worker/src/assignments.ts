// What the dispatcher has assigned to this node. Pure: (set, message) → new set. The set is also the only place where
// secrets are kept: they are forgotten when the dispatcher takes them back.
import type { AssignmentsMessage, Config, Secret, Task } from "@mswarm/wire";

export interface AssignmentSet {
  /** `results_in` of the last message; "" before the first. */
  readonly sequence: string;
  readonly tasks: ReadonlyMap<string, Task>;
  readonly secrets: ReadonlyMap<string, Secret>;
  readonly configs: ReadonlyMap<string, Config>;
}

export const noAssignments: AssignmentSet = {
  sequence: "",
  tasks: new Map(),
  secrets: new Map(),
  configs: new Map(),
};

export type Applied =
  /** A message was lost: the complete set has to be asked for again. */
  { readonly kind: "gap" } | { readonly kind: "applied"; readonly set: AssignmentSet; readonly isComplete: boolean };

/**
 * Applies one message. A complete one replaces the set; an incremental one must follow on the last.
 * Changes of kinds (cluster volumes) and actions that are not known here are passed over.
 * Source: wire reference 6.4; swarmkit agent/session.go, watch.
 */
export function applyAssignments(current: AssignmentSet, message: AssignmentsMessage): Applied {
  const isComplete = (message.type ?? "COMPLETE") === "COMPLETE";
  if (!isComplete && (message.appliesTo ?? "") !== current.sequence) return { kind: "gap" };
  const from = isComplete ? noAssignments : current;
  const tasks = new Map(from.tasks);
  const secrets = new Map(from.secrets);
  const configs = new Map(from.configs);
  for (const { assignment, action } of message.changes ?? []) {
    const isRemoval = action === "REMOVE";
    // Of a later version: whatever it means, it is neither.
    if (!isRemoval && (action ?? "UPDATE") !== "UPDATE") continue;
    if (assignment?.task !== undefined) change(tasks, assignment.task, isRemoval);
    else if (assignment?.secret !== undefined) change(secrets, assignment.secret, isRemoval);
    else if (assignment?.config !== undefined) change(configs, assignment.config, isRemoval);
  }
  return { kind: "applied", set: { sequence: message.resultsIn ?? "", tasks, secrets, configs }, isComplete };
}

function change<T extends { readonly id?: string }>(items: Map<string, T>, item: T, isRemoval: boolean): void {
  const id = item.id ?? "";
  if (isRemoval) items.delete(id);
  else items.set(id, item);
}
