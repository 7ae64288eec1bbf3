// Equality of specs in meaning. Two equal specs can look different: one was made here, the other was decoded; a Go
// manager leaves zero values out, and decoded oneofs carry the name of their member.

/** Enum members numbered 0, by the field that holds them. `mode` is that of an endpoint or of a security profile. */
const zeroEnums: Readonly<Record<string, readonly string[]>> = {
  type: ["BIND"],
  consistency: ["DEFAULT"],
  propagation: ["RPRIVATE"],
  condition: ["NONE"],
  isolation: ["ISOLATION_DEFAULT"],
  mode: ["VIP", "DEFAULT"],
  protocol: ["TCP"],
  publishMode: ["INGRESS"],
  resourceType: ["TASK"],
};

type Fields = Readonly<Record<string, unknown>>;

/** True when `left` and `right` mean the same. An absent message differs from an empty one, as for a Go peer. */
export function sameSpec(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Buffer.compare(left, right) === 0;
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, position) => sameSpec(item, right[position]));
  }
  if (!isFields(left) || !isFields(right)) return false;
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].every(
    (key) => sameSpec(left[key], right[key]) || (meansZero(left, key) && meansZero(right, key)),
  );
}

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);

function meansZero(fields: Fields, key: string): boolean {
  const value = fields[key];
  if (value === undefined || value === null || value === "" || value === 0 || value === false || value === "0") {
    return true;
  }
  if (typeof value === "string") return zeroEnums[key]?.includes(value) === true || Object.hasOwn(fields, value);
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length === 0;
  // An empty map is absent on the wire; an empty message is not. Maps are told by their name.
  return isMap(key) && Object.keys(value).length === 0;
}

const isMap = (key: string): boolean =>
  ["labels", "options", "sysctls", "driverAttachmentOpts", "reserved"].includes(key);
