// Whose logs somebody means: those of a service, or of one task.
import { isSwarmError } from "@mswarm/runtime";
import type { LogSelectorInput, Service, Task } from "@mswarm/wire";
import type { Control } from "../cli-context.ts";
import { LocalFailure } from "../local-failure.ts";
import { findService } from "./lookup.ts";

export interface LogTarget {
  readonly kind: "service" | "task";
  readonly selector: LogSelectorInput;
  /** Which tasks there are. */
  readonly filters: { readonly serviceIds: string[] } | { readonly idPrefixes: string[] };
  readonly hasTerminal: boolean;
  /** Digits of the highest slot, so that what the tasks print begins in one column. */
  readonly slotWidth: number;
}

/** A service by id, name or prefix, else a task by its id. Errors: LocalFailure, NOT_FOUND. */
export async function findLogTarget(control: Control, text: string): Promise<LogTarget> {
  try {
    return ofService(await findService(control, text));
  } catch (error) {
    if (!isSwarmError(error, "NOT_FOUND")) throw error;
  }
  return ofTask(await findTask(control, text));
}

async function findTask(control: Control, taskId: string): Promise<Task> {
  try {
    const { task } = await control.GetTask({ taskId });
    if (task !== undefined) return task;
  } catch (error) {
    if (!isSwarmError(error, "NOT_FOUND")) throw error;
  }
  const { tasks = [] } = await control.ListTasks({ filters: { idPrefixes: [taskId] } });
  const [only, ...more] = tasks;
  if (only === undefined) throw new LocalFailure("NOT_FOUND", `no such task or service: ${taskId}`);
  if (more.length > 0) {
    throw new LocalFailure("INVALID_ARGUMENT", `task ${taskId} is ambiguous (${tasks.length} matches found)`);
  }
  return only;
}

function ofService({ id = "", spec }: Service): LogTarget {
  return {
    kind: "service",
    selector: { serviceIds: [id] },
    filters: { serviceIds: [id] },
    hasTerminal: spec?.task?.container?.tty ?? false,
    slotWidth: spec?.replicated === undefined ? 1 : (spec.replicated.replicas ?? "0").length,
  };
}

function ofTask({ id = "", slot = "0", spec }: Task): LogTarget {
  return {
    kind: "task",
    selector: { taskIds: [id] },
    filters: { idPrefixes: [id] },
    hasTerminal: spec?.container?.tty ?? false,
    slotWidth: slot.length,
  };
}
