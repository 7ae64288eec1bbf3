// The `filters` parameter of the lists. Source: moby api/types/filters, daemon/cluster/filters.go.
import { messageOf } from "@mswarm/runtime";
import { badRequest, serverError } from "../errors/http-error.ts";

/** Values by key; a key without values is as good as absent. */
export class ListFilters {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  private constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  /**
   * Reads `{"key":{"value":true}}` and the older `{"key":["value"]}`; absent is empty.
   * Errors: HttpError 400 for what is neither, and for keys that are not in `accepted`.
   */
  static of(query: URLSearchParams, accepted: readonly string[]): ListFilters {
    const text = query.get("filters") ?? "";
    const filters = new ListFilters(text === "" ? new Map() : valuesByKey(parsed(text)));
    for (const key of filters.#values.keys()) {
      if (!accepted.includes(key)) throw badRequest(`Invalid filter '${key}'`);
    }
    return filters;
  }

  get(key: string): string[] {
    return [...(this.#values.get(key) ?? [])];
  }

  /** `k` or `k=v`. */
  labels(key: string): { [key: string]: string } {
    return Object.fromEntries(
      this.get(key).map((label) => {
        const [name = "", ...rest] = label.split("=");
        return [name, rest.join("=")];
      }),
    );
  }

  /** The values as names of an enum; empty ones are nothing. Errors: HttpError 500, as Docker has it. */
  names<Name extends string>(key: string, names: readonly Name[]): Name[] {
    return this.get(key)
      .filter((value) => value !== "")
      .map((value) => {
        const found = names.find((name) => name === value.toUpperCase());
        if (found === undefined) throw serverError(`Invalid ${key} filter: '${value}'`);
        return found;
      });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const [first = ""] = text.trim();
    const isNoJson = !/[[{"\d\-tfn]/.test(first);
    throw badRequest(
      isNoJson ? `invalid character '${first}' looking for beginning of value` : `filters: ${messageOf(error)}`,
    );
  }
}

function valuesByKey(json: unknown): ReadonlyMap<string, readonly string[]> {
  if (!isObject(json)) throw badRequest("filters: a JSON object of keys and values is expected");
  return new Map(Object.entries(json).map(([key, values]) => [key, valuesOf(key, values)]));
}

function valuesOf(key: string, values: unknown): readonly string[] {
  if (Array.isArray(values) && values.every((value) => typeof value === "string")) return values;
  if (isObject(values) && Object.values(values).every((value) => typeof value === "boolean"))
    return Object.keys(values);
  throw badRequest(`filters: the values of ${JSON.stringify(key)} must be texts`);
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
