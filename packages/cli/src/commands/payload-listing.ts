// What lists of secrets and configs share.
import { labelFilter, parseFilters } from "../control/filters.ts";
import type { OptionValues } from "../flags/option-values.ts";

/** Errors: UsageError. */
export function payloadFilters(flags: OptionValues): {
  idPrefixes: string[];
  namePrefixes: string[];
  labels: Record<string, string>;
} {
  const filters = parseFilters(flags.list("filter"), ["id", "name", "label"]);
  return {
    idPrefixes: [...(filters.get("id") ?? [])],
    namePrefixes: [...(filters.get("name") ?? [])],
    labels: labelFilter(filters.get("label")),
  };
}

export const joinedLabels = (labels: Readonly<Record<string, string>> | undefined): string =>
  Object.entries(labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
