// The `filters` parameter of the lists. Source: moby api/types/filters, daemon/cluster/filters.go.
import { badRequest, serverError } from "../errors/http-error.ts";
import { type Filters, parseFilters } from "../routing/filters.ts";

/** Values by key; a key without values is as good as absent. */
export class ListFilters {
  readonly #values: Filters;

  private constructor(values: Filters) {
    this.#values = values;
  }

  /** Errors: HttpError 400 for what are no filters, and for keys that are not in `accepted`. */
  static of(query: URLSearchParams, accepted: readonly string[]): ListFilters {
    const filters = new ListFilters(parseFilters(query.get("filters")));
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
