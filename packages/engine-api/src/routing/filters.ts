// The `filters` parameter, and how Docker matches with it. Source: moby api/types/filters/parse.go.
import { messageOf } from "@mswarm/runtime";
import { badRequest } from "../errors/http-error.ts";
import { parseJson } from "./strict-json.ts";

/** Values by key. Values of one key are OR-ed, keys are AND-ed. */
export type Filters = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * Reads `{"key":{"value":true}}` and the older `{"key":["value"]}`; absent is empty.
 * Errors: HttpError 400.
 */
export function parseFilters(text: string | null): Filters {
  if (text === null || text === "") return new Map();
  const json = parsed(text);
  if (!isObject(json)) throw badRequest("invalid filter: a JSON object of keys and values is expected");
  return new Map(Object.entries(json).map(([key, values]) => [key, new Set(valuesOf(key, values))]));
}

/** Go's words for what cannot even begin a value: the commonest mistake, and clients show them. */
function parsed(text: string): unknown {
  const [first = ""] = text.trim();
  if (!/[[{"\d\-tfn]/.test(first)) throw badRequest(`invalid character '${first}' looking for beginning of value`);
  try {
    return parseJson(text);
  } catch (error) {
    throw badRequest(messageOf(error).replace("the body", "the filter"));
  }
}

function valuesOf(key: string, values: unknown): readonly string[] {
  if (Array.isArray(values) && values.every((value) => typeof value === "string")) return values;
  if (isObject(values) && Object.values(values).every((value) => typeof value === "boolean"))
    return Object.keys(values);
  throw badRequest(`invalid filter ${JSON.stringify(key)}: its values must be texts`);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** True when the key is not filtered by, or one of its values is `text`. */
export const matchesExactly = (filters: Filters, key: string, text: string): boolean => {
  const values = filters.get(key);
  return values === undefined || values.size === 0 || values.has(text);
};

/** As `matchesExactly`, and also when `text` begins with one of the values. */
export const matchesPrefix = (filters: Filters, key: string, text: string): boolean =>
  matchesExactly(filters, key, text) || [...(filters.get(key) ?? [])].some((value) => text.startsWith(value));

/** True when every value, `k` or `k=v`, is among the attributes. */
export function matchesLabels(filters: Filters, key: string, labels: Readonly<Record<string, string>>): boolean {
  return [...(filters.get(key) ?? [])].every((wanted) => {
    const cut = wanted.indexOf("=");
    if (cut < 0) return labels[wanted] !== undefined;
    return labels[wanted.slice(0, cut)] === wanted.slice(cut + 1);
  });
}
