import { splitPair } from "../flags/key-values.ts";
import { UsageError } from "../flags/option-values.ts";

/** Values of `--filter key=value` by key. Errors: UsageError for a key that is not allowed here. */
export function parseFilters(
  filters: readonly string[],
  allowed: readonly string[],
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const filter of filters) {
    const [key, value] = splitPair(filter);
    if (!filter.includes("=")) throw new UsageError('invalid argument for "--filter": expected key=value');
    if (!allowed.includes(key)) throw new UsageError(`invalid filter '${key}'; there are ${allowed.join(", ")}`);
    found.set(key, [...(found.get(key) ?? []), value]);
  }
  return found;
}

/** `k=v` filters as the wire's map; `k` alone means any value. */
export const labelFilter = (values: readonly string[] | undefined): Record<string, string> =>
  Object.fromEntries((values ?? []).map(splitPair));
