// Names of things that are not given one. Source: swarmkit api/naming/naming.go.
import type { Task, TaskSpec } from "@mswarm/wire";

/** `<service>.<slot or node>.<task id>`, unless the task has a name of its own. */
export function taskName(task: Task): string {
  const own = task.annotations?.name ?? "";
  if (own !== "") return own;
  const slot = task.slot === undefined || task.slot === "0" ? (task.nodeId ?? "") : task.slot;
  return `${task.serviceAnnotations?.name ?? ""}.${slot}.${task.id ?? ""}`;
}

/** `container`, `attachment`, or the kind of a generic runtime in lower case; undefined without a runtime. */
export function runtimeName(spec: TaskSpec | undefined): string | undefined {
  if (spec?.container !== undefined) return "container";
  if (spec?.attachment !== undefined) return "attachment";
  return spec?.generic === undefined ? undefined : (spec.generic.kind ?? "").toLowerCase();
}
