// Changing parts of an immutable spec without inventing what nobody asked for: presence of fields matters on the wire.

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The fields that have a value. */
export function defined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
}

/**
 * A list after removals and additions. An added item takes the place of one with the same key; all others keep theirs.
 * Undefined for an empty list, which is the same on the wire.
 */
export function changedList<T>(
  current: readonly T[] | undefined,
  change: { readonly add: readonly T[]; readonly remove: readonly string[] },
  keyOf: (item: T) => string,
): T[] | undefined {
  const list = (current ?? []).filter((item) => !change.remove.includes(keyOf(item)));
  for (const item of change.add) {
    const at = list.findIndex((other) => keyOf(other) === keyOf(item));
    list.splice(at === -1 ? list.length : at, 1, item);
  }
  return list.length === 0 ? undefined : list;
}

/** A map after removals and additions; undefined when it is empty. */
export function changedMap(
  current: Readonly<Record<string, string>> | undefined,
  change: { readonly add: Readonly<Record<string, string>>; readonly remove: readonly string[] },
): Record<string, string> | undefined {
  const kept = Object.entries(current ?? {}).filter(([key]) => !change.remove.includes(key));
  const map = { ...Object.fromEntries(kept), ...change.add };
  return Object.keys(map).length === 0 ? undefined : map;
}

/** `object` without `key`, or with the value. */
export function withField<T extends object, K extends keyof T>(object: T, key: K, value: T[K] | undefined): T {
  const { [key]: _old, ...rest } = object;
  // The rest is T without an optional field.
  return (value === undefined ? rest : { ...rest, [key]: value }) as T;
}
