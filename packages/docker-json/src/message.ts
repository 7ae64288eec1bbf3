// A message of the wire as a structure of Docker's JSON: a table of fields, read in both directions.
import { invalidArgument, type SwarmError } from "@mswarm/runtime";
import { isJsonObject, type Json, type JsonObject } from "./json.ts";
import { type MessageShape, type Place, type Shape, wrongKind } from "./shape.ts";

/** One line of a table. `K` is the wire's name. */
export interface Field<W, K extends keyof W> {
  /** Of a group: any of its names. */
  readonly wire: K;
  write(message: W, into: Record<string, Json>): void;
  read(source: JsonFields, into: Partial<W>): void;
}

/** The fields of a JSON object, whatever the case of their letters. Source: Go's encoding/json. */
export interface JsonFields {
  readonly object: JsonObject;
  readonly place: Place;
  /** Undefined for what is absent or null. */
  get(name: string): Json | undefined;
}

export interface FieldOptions {
  /** Shown also when it is zero. */
  readonly always?: true;
  /** What absence from the JSON stands for. As it need not be said, it is not shown either, unless `always`. */
  readonly absentAs?: Json;
  /** The API version 1.`since` brought it; older clients' values are not read. */
  readonly since?: number;
}

/** A structure that Go holds by value: it is always there, on both sides. */
export const byValue: FieldOptions = { always: true, absentAs: {} };

/** Why a field of the wire is not in the JSON: this makes a new field of the wire impossible to forget. */
export type Hidden<W, Shown extends keyof W> = { readonly [K in Exclude<keyof W, Shown>]: string };

export interface FieldMaker<W extends object> {
  field<K extends keyof W & string>(
    json: string,
    wire: K,
    shape: Shape<Exclude<W[K], undefined>>,
    options?: FieldOptions,
  ): Field<W, K>;
  /** Fields that have a structure of their own in the JSON only. */
  group<K extends keyof W>(json: string, shape: Shape<Pick<W, K>>): Field<W, K>;
  /** A message whose fields stand in the JSON of the one around it. */
  inline<K extends keyof W & string>(wire: K, shape: Shape<Exclude<W[K], undefined> & object>): Field<W, K>;
  /** The whole table. @param hidden  the fields of the wire that are not shown, each with the reason */
  message<Shown extends keyof W>(fields: readonly Field<W, Shown>[], hidden: Hidden<W, Shown>): MessageShape<W>;
}

/** Makes the table of a message. @param struct  Docker's name of it */
export function fieldsOf<W extends object>(struct: string): FieldMaker<W> {
  return {
    field: (json, wire, shape, options = {}) => plainField<W, typeof wire>(json, wire, shape, options),
    group: (json, shape) => groupField(json, shape),
    inline: (wire, shape) => ({
      wire,
      write: (message, into) => Object.assign(into, shape.write(present(message[wire]) ?? ({} as never))),
      read: (source, into) => {
        into[wire] = shape.read(source.object, { ...source.place, isInline: true });
      },
    }),
    message: (fields) => ({
      zero: undefined,
      isZero: () => false,
      write: (message) => {
        const object: Record<string, Json> = {};
        for (const field of fields) field.write(message, object);
        return object;
      },
      read: (json, place) => {
        const source = jsonFields(json, place.isInline === true ? place : { ...place, struct });
        const message: Partial<W> = {};
        for (const field of fields) field.read(source, message);
        return message as W;
      },
    }),
  };
}

const present = <T>(value: T): Exclude<T, undefined> | undefined => value as Exclude<T, undefined> | undefined;

function plainField<W extends object, K extends keyof W>(
  json: string,
  wire: K,
  shape: Shape<Exclude<W[K], undefined>>,
  { always, absentAs, since = 0 }: FieldOptions,
): Field<W, K> {
  const makeAbsent = (): Json | undefined => {
    if (always !== true) return undefined;
    if (shape.zero !== undefined) return shape.write(shape.zero);
    return isJsonObject(absentAs) ? shape.write({} as Exclude<W[K], undefined>) : absentAs;
  };
  // Always the same, and most fields of most messages are absent: made once. Nobody changes what was written.
  let absent: { readonly json: Json | undefined } | undefined;
  const writeAbsent = (): Json | undefined => {
    absent ??= { json: makeAbsent() };
    return absent.json;
  };
  return {
    wire,
    write: (message, into) => {
      const value = present(message[wire]);
      const written = value === undefined ? writeAbsent() : shape.write(value);
      if (written === undefined) return;
      if (always === true || value === undefined || !(shape.isZero(value) || written === absentAs))
        into[json] = written;
    },
    read: (source, into) => {
      const { path, api } = source.place;
      const given = (api >= since ? source.get(json) : undefined) ?? absentAs;
      if (given === undefined) return;
      const inner = { ...source.place, path: path === "" ? json : `${path}.${json}`, isInline: false };
      const value = shape.read(given, inner);
      if (!shape.isZero(value)) into[wire] = value;
    },
  };
}

function groupField<W extends object, K extends keyof W>(json: string, shape: Shape<Pick<W, K>>): Field<W, K> {
  return {
    wire: undefined as never,
    write: (message, into) => {
      into[json] = shape.write(message);
    },
    read: (source, into) => {
      const { path } = source.place;
      const place = { ...source.place, path: path === "" ? json : `${path}.${json}` };
      Object.assign(into, shape.read(source.get(json) ?? {}, place));
    },
  };
}

/** Of values that come from nowhere. */
export const unplaced: Place = { struct: "", path: "", api: Number.MAX_SAFE_INTEGER };

/** Errors: INVALID_ARGUMENT for what is no object, and for one that says the same thing twice. */
export function jsonFields(json: Json, place: Place): JsonFields {
  if (!isJsonObject(json)) throw wrongKind(json, place, `swarm.${place.struct}`);
  const byFoldedName = new Map<string, readonly [name: string, value: Json]>();
  for (const [name, value = null] of Object.entries(json)) {
    const folded = name.toLowerCase();
    const earlier = byFoldedName.get(folded);
    if (earlier !== undefined) throw saidTwice(earlier[0], name);
    byFoldedName.set(folded, [name, value]);
  }
  return {
    object: json,
    place,
    get: (name) => byFoldedName.get(name.toLowerCase())?.[1] ?? undefined,
  };
}

const saidTwice = (one: string, other: string): SwarmError =>
  invalidArgument(`the JSON field ${JSON.stringify(one)} is there twice (${JSON.stringify(other)}): send it once`);
