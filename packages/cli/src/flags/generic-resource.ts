// Generic resources as operators and users write them: `ssd=3` is a number of equal things, `gpu=uuid1,gpu=uuid2` names each.
// Source: swarmkit api/genericresource/parse.go.
import { invalidArgument } from "@mswarm/runtime";
import type { GenericResource } from "@mswarm/wire";

/** What a node offers. Errors: INVALID_ARGUMENT for a kind that is counted and named at once, and for no `kind=value`. */
export function parseGenericResources(texts: readonly string[]): readonly GenericResource[] {
  const kinds = new Map<string, string[]>();
  for (const term of texts.flatMap((text) => text.split(","))) {
    const { kind, value } = /^\s*(?<kind>[^=\s]+)\s*=\s*(?<value>[^=\s]+)\s*$/.exec(term)?.groups ?? {};
    if (kind === undefined || value === undefined) {
      throw invalidArgument(`invalid generic-resource format \`${term}\` expected \`name=value\``);
    }
    kinds.set(kind, [...(kinds.get(kind) ?? []), value]);
  }
  return [...kinds].flatMap(([kind, values]) => resourcesOf(kind, values));
}

/**
 * What a service asks for: so many of a kind, whichever they are.
 * Errors: INVALID_ARGUMENT, also for named ones, which only nodes have.
 */
export function parseReservation(text: string): GenericResource {
  const [resource, ...others] = parseGenericResources([text]);
  if (resource?.discreteResourceSpec === undefined || others.length > 0) {
    throw invalidArgument(
      `invalid generic-resource request \`${text}\`, Named Generic Resources is not supported for service create or update`,
    );
  }
  return resource;
}

export const kindOf = ({ namedResourceSpec: named, discreteResourceSpec: discrete }: GenericResource): string =>
  named?.kind ?? discrete?.kind ?? "";

const isNumber = (value: string): boolean => /^[-+]?\d+$/.test(value);

function resourcesOf(kind: string, values: readonly string[]): readonly GenericResource[] {
  const [first = ""] = values;
  if (values.length === 1 && isNumber(first)) {
    const count = BigInt(first);
    if (count < 0n) throw invalidArgument(`could not parse GenericResource: cannot ask for negative resource ${kind}`);
    return [{ discreteResourceSpec: { kind, value: String(count) } }];
  }
  if (values.some(isNumber)) {
    throw invalidArgument(
      `could not parse GenericResource: mixed discrete and named resources in expression '${kind}=[${values.join(" ")}]'`,
    );
  }
  return values.map((value) => ({ namedResourceSpec: { kind, value } }));
}
