// Lists, maps, and values in a wrapper.
import { isJsonObject, type Json } from "./json.ts";
import { type Shape, wrongKind } from "./shape.ts";

/** A list; null in it is the element's zero, and an error where there is none. */
export function listOf<W>(element: Shape<W>, goType = "[]string"): Shape<W[]> {
  return {
    zero: [],
    isZero: (values) => values.length === 0,
    write: (values) => values.map((value) => element.write(value)),
    read: (json, place) => {
      if (!Array.isArray(json)) throw wrongKind(json, place, goType);
      return (json as readonly Json[]).map((each) => {
        if (each !== null) return element.read(each, place);
        if (element.zero === undefined) throw wrongKind({}, place, `${goType}: an element is null`);
        return element.zero;
      });
    },
  };
}

/** A map from texts; its keys are data, not field names. */
export function mapOf<W>(value: Shape<W>, goType = "map[string]string"): Shape<{ [key: string]: W }> {
  return {
    zero: {},
    isZero: (map) => Object.keys(map).length === 0,
    // Sorted, as Go prints maps.
    write: (map) =>
      Object.fromEntries(
        Object.entries(map)
          .sort(([left], [right]) => (left < right ? -1 : 1))
          .map(([key, each]) => [key, value.write(each)]),
      ),
    read: (json, place) => {
      if (!isJsonObject(json)) throw wrongKind(json, place, goType);
      return Object.fromEntries(
        Object.entries(json).flatMap(([key, each]) => {
          const given = each === null || each === undefined ? value.zero : value.read(each, place);
          return given === undefined ? [] : [[key, given] as const];
        }),
      );
    },
  };
}

/** A scalar in a message of its own: absent is not zero. */
export function wrapped<W>(value: Shape<W>): Shape<{ value?: W }> {
  return {
    zero: undefined,
    isZero: () => false,
    write: (wrapper) => value.write(wrapper.value ?? (value.zero as W)),
    read: (json, place) => {
      const inner = value.read(json, place);
      return value.isZero(inner) ? {} : { value: inner };
    },
  };
}

/** A structure without fields. */
export const nothing: Shape<object> = {
  zero: undefined,
  isZero: () => false,
  write: () => ({}),
  read: (json, place) => {
    if (!isJsonObject(json)) throw wrongKind(json, place, `swarm.${place.path}`);
    return {};
  },
};

/** The same value with a change of what is read or shown. */
export function adjusted<W>(shape: Shape<W>, change: Partial<Pick<Shape<W>, "write" | "read">>): Shape<W> {
  return { ...shape, ...change };
}
