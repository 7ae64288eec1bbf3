// `… inspect`: a JSON array, compact JSON, a readable page, or a template; what is not found is reported at the end.
import { isJsonObject, type Json, type JsonObject, jsonText } from "@mswarm/docker-json";
import { isSwarmError } from "@mswarm/runtime";
import type { CliContext } from "../cli-context.ts";
import { LocalFailure, notAvailable } from "../local-failure.ts";
import { describeError } from "./errors.ts";

export interface Inspection<T> {
  find(text: string): Promise<T>;
  json(object: T): JsonObject;
  pretty(object: T): string;
}

/**
 * Prints the objects that `texts` name. Errors: LocalFailure, after the output, for those that were not found.
 *
 * @param options.format  undefined: indented JSON; `json`: compact; `pretty`: for people; otherwise a template
 */
export async function inspect<T>(
  texts: readonly string[],
  inspection: Inspection<T>,
  options: { readonly format: string | undefined; readonly context: CliContext },
): Promise<void> {
  const { context, format } = options;
  const found: T[] = [];
  const errors: string[] = [];
  for (const text of texts) {
    try {
      found.push(await inspection.find(text));
    } catch (error) {
      if (!isSwarmError(error, "NOT_FOUND") && !isSwarmError(error, "INVALID_ARGUMENT")) throw error;
      errors.push(describeError(error));
    }
  }
  context.out(render(found, inspection, format));
  if (errors.length > 0) throw new LocalFailure("NOT_FOUND", errors.join("\n"));
}

function render<T>(objects: readonly T[], inspection: Inspection<T>, format: string | undefined): string {
  if (format === "pretty") return objects.map((object) => inspection.pretty(object)).join("\n");
  const values = objects.map((object) => inspection.json(object));
  if (format === undefined) return `${jsonText(values, 4)}\n`;
  if (format === "json" || format === "{{json .}}") return `${jsonText(values)}\n`;
  return values.map((value) => `${fillPath(format, value)}\n`).join("");
}

/** `{{.Spec.Name}}` and `{{json .Spec}}`. */
function fillPath(template: string, value: JsonObject): string {
  const isPath = /\{\{(?<json>json )?\s*\.(?<path>[\w.]*)\s*\}\}/g;
  const filled = template.replace(isPath, (_match, json: string | undefined, path: string) => {
    const steps = path.split(".").filter((step) => step !== "");
    const found = steps.reduce<Json | undefined>((at, step) => (isJsonObject(at) ? at[step] : undefined), value);
    if (json !== undefined || typeof found === "object") return jsonText(found ?? null);
    return found === undefined ? "<no value>" : String(found);
  });
  if (filled.includes("{{"))
    throw notAvailable("templates can hold fields such as {{.Spec.Name}} only; use --format json");
  return filled;
}
