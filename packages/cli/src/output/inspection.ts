// `… inspect`: a JSON array, compact JSON, a readable page, or a template; what is not found is reported at the end.
import { type JsonObject, jsonText } from "@mswarm/docker-json";
import { isSwarmError } from "@mswarm/runtime";
import { valueOfJson } from "@mswarm/template";
import type { CliContext } from "../cli-context.ts";
import { LocalFailure } from "../local-failure.ts";
import { describeError } from "./errors.ts";
import { formatTemplate } from "./format-template.ts";

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
  const fill = formatTemplate(format);
  return values.map((value) => `${fill(valueOfJson(value))}\n`).join("");
}
