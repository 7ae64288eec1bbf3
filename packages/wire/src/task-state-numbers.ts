import type { TaskState } from "./generated/swarmkit.ts";
import { enumNumbersOf } from "./schema.ts";

/** Task states by their numbers on the wire, which are their order: a task only ever moves to a higher one (wire 7.1). */
export const taskStateNumbers: Readonly<Record<TaskState, number>> =
  enumNumbersOf<TaskState>("docker.swarmkit.v1.TaskState");
