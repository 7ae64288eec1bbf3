// What a planner wants to have changed, as data.
import { networks, secrets, services, tasks, type WriteTransaction } from "@mswarm/store";
import type { Network, Secret, Service, Task, TaskState } from "@mswarm/wire";
import { rankOf } from "../objects/task-state.ts";

/** An update carries the whole new object, made from the one that the planner read in the same transaction. */
export type ObjectChange =
  | { readonly kind: "create-task"; readonly task: Task }
  | { readonly kind: "update-task"; readonly task: Task }
  | { readonly kind: "remove-task"; readonly task: Task }
  | { readonly kind: "update-service"; readonly service: Service }
  | { readonly kind: "update-network"; readonly network: Network }
  | { readonly kind: "remove-secret"; readonly secret: Secret };

export function applyChange(tx: WriteTransaction, change: ObjectChange): void {
  switch (change.kind) {
    case "create-task":
      tx.create(tasks, change.task);
      return;
    case "update-task":
      tx.update(tasks, change.task);
      return;
    case "remove-task":
      tx.remove(tasks, change.task.id ?? "");
      return;
    case "update-service":
      tx.update(services, change.service);
      return;
    case "update-network":
      tx.update(networks, change.network);
      return;
    case "remove-secret":
      tx.remove(secrets, change.secret.id ?? "");
      return;
  }
}

/** The change that gives `task` a later desired state; none when it already is there or beyond (it only grows). */
export function wish(task: Task, desiredState: TaskState): readonly ObjectChange[] {
  if (rankOf(task.desiredState) >= rankOf(desiredState)) return [];
  return [{ kind: "update-task", task: { ...task, desiredState } }];
}

/** About how many bytes `change` takes in a log entry; a little too much rather than too little. */
export function weightOf(change: ObjectChange): number {
  switch (change.kind) {
    case "create-task":
    case "update-task":
      return taskBytes + textBytes(change.task.spec) + textBytes(change.task.networks);
    case "remove-task":
      return taskBytes + textBytes(change.task.spec);
    case "update-service":
      return taskBytes + textBytes(change.service);
    case "update-network":
      return taskBytes + textBytes(change.network);
    case "remove-secret":
      return taskBytes + (change.secret.spec?.data?.length ?? 0);
  }
}

// Ids, annotations, status, endpoint and meta of an ordinary task.
const taskBytes = 2_048;

const textBytes = (part: object | undefined): number => (part === undefined ? 0 : JSON.stringify(part).length);
