// How one kind of value looks in the wire's objects and in Docker's JSON.
import { invalidArgument, type SwarmError } from "@mswarm/runtime";
import type { Json, JsonObject } from "./json.ts";

/** Where in a request body a value stands, for its errors. */
export interface Place {
  /** Docker's name of the innermost structure, as its errors have it. */
  readonly struct: string;
  /** Field names from the outermost structure on, with dots. */
  readonly path: string;
  /** The structure's fields stand among those of the one around it, whose name counts. */
  readonly isInline?: boolean;
  /** The client's API version is 1.`api`. Fields that are newer are not read. */
  readonly api: number;
}

/** A value of the wire (`W`), both ways. */
export interface Shape<W> {
  /** What absence means on the wire; undefined where presence itself means something (messages). */
  readonly zero: W | undefined;
  /** True for what the wire leaves out. */
  isZero(value: W): boolean;
  write(value: W): Json;
  /** Never called with null, which is absence. Errors: INVALID_ARGUMENT, with the place. */
  read(json: Json, place: Place): W;
}

/** A message of the wire: an object in the JSON. */
export interface MessageShape<W> extends Shape<W> {
  write(value: W): JsonObject;
}

/** Go's words for a value of the wrong kind: clients show them as they are. Source: encoding/json, UnmarshalTypeError. */
export function wrongKind(json: Json, place: Place, goType: string): SwarmError {
  const kind = kindOf(json);
  const target =
    place.path === "" ? `value of type ${goType}` : `struct field ${place.struct}.${place.path} of type ${goType}`;
  return invalidArgument(`json: cannot unmarshal ${kind} into Go ${target}`);
}

/** The same with the number, for one that does not fit. */
export const wrongNumber = (json: number | bigint, place: Place, goType: string): SwarmError =>
  invalidArgument(
    `json: cannot unmarshal number ${json} into Go struct field ${place.struct}.${place.path} of type ${goType}`,
  );

function kindOf(json: Json): string {
  if (Array.isArray(json)) return "array";
  switch (typeof json) {
    case "string":
      return "string";
    case "boolean":
      return "bool";
    case "object":
      return "object";
    default:
      return "number";
  }
}
