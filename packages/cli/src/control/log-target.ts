// Whose logs somebody means: those of a service, or of one task.
import { isSwarmError } from "@mswarm/runtime";
import type { LogSelectorInput, Service, Task } from "@mswarm/wire";
import type { Control } from "../cli-context.ts";
import { LocalFailure } from "../local-failure.ts";
import { findService, findTask } from "./lookup.ts";

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
  const noSuch = (error: unknown): never => {
    if (!isSwarmError(error, "NOT_FOUND")) throw error;
    throw new LocalFailure("NOT_FOUND", `no such task or service: ${text}`, { cause: error });
  };
  return ofTask(await findTask(control, text).catch(noSuch));
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
