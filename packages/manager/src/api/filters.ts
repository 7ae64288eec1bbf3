// Filters of the List operations. Source: swarmkit manager/controlapi/common.go.
import { foldName } from "@mswarm/store";

type Labels = Readonly<Record<string, string>>;

/** True when `wanted` is empty or contains `value`. */
export const isAmong = <T>(value: T, wanted: readonly T[] | undefined): boolean =>
  wanted === undefined || wanted.length === 0 || wanted.includes(value);

/** True when there are no prefixes or `value` begins with one of them. */
export const hasPrefix = (value: string, prefixes: readonly string[] | undefined): boolean =>
  prefixes === undefined || prefixes.length === 0 || prefixes.some((prefix) => value.startsWith(prefix));

/** True when every wanted label is there, with the wanted value where one is given. */
export const hasLabels = (labels: Labels | undefined, wanted: Labels | undefined): boolean =>
  Object.entries(wanted ?? {}).every(
    ([key, value]) => labels !== undefined && Object.hasOwn(labels, key) && (value === "" || labels[key] === value),
  );

export interface NameFilters {
  readonly names?: readonly string[];
  readonly idPrefixes?: readonly string[];
  readonly namePrefixes?: readonly string[];
  readonly labels?: Labels;
}

interface Described {
  readonly id: string | undefined;
  readonly name: string | undefined;
  readonly labels: Labels | undefined;
}

/** By what an object with annotations in its spec is chosen. */
export const described = ({
  id,
  spec,
}: {
  readonly id?: string;
  readonly spec?: { readonly annotations?: { readonly name?: string; readonly labels?: Labels } };
}): Described => ({ id, name: spec?.annotations?.name, labels: spec?.annotations?.labels });

/** How services, networks, clusters and tasks are chosen: every kind of filter must be met. */
export const meetsAll = ({ id = "", name = "", labels }: Described, filters: NameFilters | undefined): boolean =>
  isAmong(name, filters?.names) &&
  hasPrefix(name, filters?.namePrefixes) &&
  hasPrefix(id, filters?.idPrefixes) &&
  hasLabels(labels, filters?.labels);

/** How secrets, configs and resources are chosen: any name, prefix or id (names without case), and all labels. */
export function meetsAny({ id = "", name = "", labels }: Described, filters: NameFilters | undefined): boolean {
  const { names = [], namePrefixes = [], idPrefixes = [] } = filters ?? {};
  const folded = foldName(name);
  const isNamed =
    names.some((each) => foldName(each) === folded) ||
    namePrefixes.some((prefix) => folded.startsWith(foldName(prefix))) ||
    idPrefixes.some((prefix) => id.startsWith(prefix));
  const asksForAll = names.length + namePrefixes.length + idPrefixes.length === 0;
  return (asksForAll || isNamed) && hasLabels(labels, filters?.labels);
}

/** The names (folded) that objects must have to be chosen, whichever of the two ways; undefined when others can be. */
export function necessaryNames(filters: NameFilters | undefined): ReadonlySet<string> | undefined {
  const { names = [], namePrefixes = [], idPrefixes = [] } = filters ?? {};
  if (names.length === 0 || namePrefixes.length + idPrefixes.length > 0) return undefined;
  return new Set(names.map(foldName));
}
