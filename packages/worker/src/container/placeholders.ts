// Placeholders in env, hostname, mounts and templated secrets. Docker expands them as Go text/template; only plain
// fields are understood here, everything else is refused with a sentence.
import { invalidArgument, unimplemented } from "@mswarm/runtime";
import type { Task } from "@mswarm/wire";
import { taskName } from "./task-names.ts";

/** What a placeholder can stand for. */
export interface PlaceholderValues {
  readonly service: {
    readonly id: string;
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly node: {
    readonly id: string;
    readonly hostname: string;
    readonly operatingSystem: string;
    readonly architecture: string;
  };
  readonly task: { readonly id: string; readonly name: string; readonly slot: string };
}

/** The node's part of the values; Docker calls a global task's slot by its node's id. */
export function placeholderValues(task: Task, node: PlaceholderValues["node"]): PlaceholderValues {
  const slot = task.slot ?? "0";
  return {
    service: {
      id: task.serviceId ?? "",
      name: task.serviceAnnotations?.name ?? "",
      labels: task.serviceAnnotations?.labels ?? {},
    },
    node,
    task: { id: task.id ?? "", name: taskName(task), slot: slot === "0" ? node.id : slot },
  };
}

const action = /\{\{(.*?)\}\}/gs;
const labelField = /^\.Service\.Labels\.([A-Za-z_][A-Za-z0-9_]*)$/;
const labelIndex = /^index\s+\.Service\.Labels\s+(?:"([^"\\]*)"|`([^`]*)`)$/;

/**
 * Replaces every placeholder of `text`.
 * INVALID_ARGUMENT: a label that the service does not have. UNIMPLEMENTED: a template beyond plain fields.
 *
 * @param where  names the place in the refusal, such as "the environment"
 * Source: swarmkit template/context.go; label names with dots need `index` there, too.
 */
export function expandPlaceholders(text: string, values: PlaceholderValues, where: string): string {
  if (!text.includes("{{")) return text;
  const expanded = text.replaceAll(action, (_whole, expression: string) =>
    fieldValue(expression.trim(), values, where),
  );
  // A value may hold braces of its own; only what was written in the text counts.
  if (text.replaceAll(action, "").includes("{{")) throw beyondFields("{{", where);
  return expanded;
}

function fieldValue(expression: string, values: PlaceholderValues, where: string): string {
  switch (expression) {
    case ".Service.ID":
      return values.service.id;
    case ".Service.Name":
      return values.service.name;
    case ".Node.ID":
      return values.node.id;
    case ".Node.Hostname":
      return values.node.hostname;
    case ".Node.Platform.OS":
      return values.node.operatingSystem;
    case ".Node.Platform.Architecture":
      return values.node.architecture;
    case ".Task.ID":
      return values.task.id;
    case ".Task.Name":
      return values.task.name;
    case ".Task.Slot":
      return values.task.slot;
  }
  const field = labelField.exec(expression)?.[1];
  if (field !== undefined) {
    const label = values.service.labels[field];
    if (label === undefined) throw invalidArgument(`template in ${where}: the service has no label "${field}"`);
    return label;
  }
  const index = labelIndex.exec(expression);
  if (index !== null) return values.service.labels[index[1] ?? index[2] ?? ""] ?? "";
  throw beyondFields(expression, where);
}

function beyondFields(expression: string, where: string): Error {
  return unimplemented(
    `template in ${where}: "${expression}" is not supported by this worker; plain placeholders such as {{.Service.Name}}, {{.Node.Hostname}} and {{.Task.Slot}} are`,
  );
}
