// Placement constraints such as `node.labels.zone != east`: syntax and meaning.
// Source: swarmkit manager/constraint/constraint.go; wire reference 7.10.
import { BlockList, isIP } from "node:net";
import { isSwarmError, unknownError } from "@mswarm/runtime";
import type { Node } from "@mswarm/wire";

export interface Constraint {
  readonly key: string;
  readonly operator: "==" | "!=";
  readonly value: string;
}

const operators = ["==", "!="] as const;
const keyPattern = /^[a-z_][a-z0-9\-_.]+$/i;
// Go's \s is ASCII only.
const valuePattern = /^[a-z0-9:\-_\t\n\f\r .*()?+[\]\\^$|/]+$/i;

/**
 * Reads constraints as a user wrote them.
 * Errors (UNKNOWN, as plain errors of Go arrive): `key '…' is invalid`, `value '…' is invalid`,
 * `constraint expected one operator from ==, !=`.
 */
export function parseConstraints(expressions: readonly string[]): readonly Constraint[] {
  return expressions.map((expression) => {
    const operator = operators.find((each) => expression.includes(each));
    if (operator === undefined) throw unknownError(`constraint expected one operator from ${operators.join(", ")}`);
    const position = expression.indexOf(operator);
    const key = expression.slice(0, position).trim();
    const value = expression.slice(position + operator.length).trim();
    if (!keyPattern.test(key)) throw unknownError(`key '${key}' is invalid`);
    if (!valuePattern.test(value)) throw unknownError(`value '${value}' is invalid`);
    return { key, operator, value };
  });
}

/** Reads constraints that were checked when they came in; any that cannot be read count as none, as in SwarmKit. */
export function readConstraints(expressions: readonly string[] | undefined): readonly Constraint[] {
  try {
    return parseConstraints(expressions ?? []);
  } catch (error) {
    if (isSwarmError(error)) return [];
    throw error;
  }
}

/** True when the node satisfies all of them. */
export const nodeMatches = (constraints: readonly Constraint[], node: Node): boolean =>
  constraints.every((constraint) => matches(constraint, node));

const nodeLabelPrefix = "node.labels.";
const engineLabelPrefix = "engine.labels.";

/** The label of a node that `descriptor` (`node.labels.…`, `engine.labels.…`) names; undefined for anything else. */
export function labelOf(descriptor: string, node: Node): string | undefined {
  const key = descriptor.toLowerCase();
  // The name of a label is compared as it is written.
  if (key.startsWith(nodeLabelPrefix) && key.length > nodeLabelPrefix.length) {
    return own(node.spec?.annotations?.labels, descriptor.slice(nodeLabelPrefix.length));
  }
  if (key.startsWith(engineLabelPrefix) && key.length > engineLabelPrefix.length) {
    return own(node.description?.engine?.labels, descriptor.slice(engineLabelPrefix.length));
  }
  return undefined;
}

/** A missing label is an empty one. */
const own = (labels: Readonly<Record<string, string>> | undefined, name: string): string =>
  labels !== undefined && Object.hasOwn(labels, name) ? (labels[name] ?? "") : "";

function matches(constraint: Constraint, node: Node): boolean {
  if (constraint.key.toLowerCase() === "node.ip") return matchesAddress(constraint, node.status?.addr ?? "");
  const actual = attributeOf(constraint.key, node);
  if (actual === undefined) return false;
  const isEqual = actual.toLowerCase() === constraint.value.toLowerCase();
  return isEqual === (constraint.operator === "==");
}

function attributeOf(key: string, node: Node): string | undefined {
  switch (key.toLowerCase()) {
    case "node.id":
      return node.id ?? "";
    case "node.hostname":
      return node.description?.hostname ?? "";
    case "node.role":
      return node.role ?? "WORKER";
    case "node.platform.os":
      return node.description?.platform?.os ?? "";
    case "node.platform.arch":
      return node.description?.platform?.architecture ?? "";
    default:
      return labelOf(key, node);
  }
}

/** The value is an address (equality) or a subnet (contains); anything else never matches. */
function matchesAddress({ operator, value }: Constraint, address: string): boolean {
  const [base = "", prefix, ...rest] = value.split("/");
  const family = isIP(base);
  const bits = prefix === undefined ? undefined : Number(prefix);
  if (family === 0 || rest.length > 0 || (prefix !== undefined && !/^\d{1,3}$/.test(prefix))) return false;
  const bitsMax = family === 4 ? 32 : 128;
  if (bits !== undefined && bits > bitsMax) return false;
  const range = new BlockList();
  range.addSubnet(base, bits ?? bitsMax, family === 4 ? "ipv4" : "ipv6");
  const actual = isIP(address);
  const isInside = actual !== 0 && range.check(address, actual === 4 ? "ipv4" : "ipv6");
  return isInside === (operator === "==");
}
