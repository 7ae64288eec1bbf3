import { invalidArgument } from "@mswarm/runtime";
import type { Mount, Mount_BindOptions_Propagation, Mount_Consistency, Mount_Type } from "@mswarm/wire";
import { booleanOf, type CommaField, parseCommaFields } from "./comma-values.ts";
import { splitPair } from "./key-values.ts";
import { parseBytes } from "./quantities.ts";

const types: Readonly<Record<string, Mount_Type>> = { bind: "BIND", volume: "VOLUME", tmpfs: "TMPFS" };
const propagations: readonly Mount_BindOptions_Propagation[] = [
  "RPRIVATE",
  "PRIVATE",
  "RSHARED",
  "SHARED",
  "RSLAVE",
  "SLAVE",
];
const consistencies: readonly Mount_Consistency[] = ["DEFAULT", "CONSISTENT", "CACHED", "DELEGATED"];

interface Fields {
  readonly all: readonly CommaField[];
  text(...keys: string[]): string | undefined;
  flag(...keys: string[]): boolean | undefined;
  map(key: string): Record<string, string> | undefined;
}

const keys = [
  ...["type", "source", "src", "target", "dst", "destination", "readonly", "ro", "consistency"],
  ...["bind-propagation", "bind-nonrecursive", "volume-nocopy", "volume-label", "volume-driver", "volume-opt"],
  ...["volume-subpath", "tmpfs-size", "tmpfs-mode", "tmpfs-opt"],
];

/**
 * One `--mount type=…,source=…,target=…`. The type is volume where it is absent.
 * Errors: INVALID_ARGUMENT. Source: docker/cli opts/mount.go.
 */
export function parseMount(text: string): Mount {
  const fields = fieldsOf(parseCommaFields(text));
  const unknown = fields.all.find(({ key }) => !keys.includes(key));
  if (unknown !== undefined) throw invalidArgument(`unexpected key '${unknown.key}' in '${text}'`);
  const named = fields.text("type") ?? "volume";
  const type = types[named.toLowerCase()];
  if (type === undefined) throw invalidArgument(`invalid MountType: ${JSON.stringify(named)}`);
  const target = fields.text("target", "dst", "destination");
  if (target === undefined || target === "") throw invalidArgument("target is required");
  const source = fields.text("source", "src");
  if (type === "BIND" && source === undefined) throw invalidArgument("source is required for a mount of type bind");
  if (type === "TMPFS" && source !== undefined) throw invalidArgument("a mount of type tmpfs has no source");
  const consistency = oneOf(fields.text("consistency"), consistencies, "consistency");
  return {
    type,
    target,
    ...(source === undefined ? {} : { source }),
    ...(fields.flag("readonly", "ro") ? { readonly: true } : {}),
    ...(consistency === undefined ? {} : { consistency }),
    ...optionsFor("BIND", type, "bind", fields, bindOptions),
    ...optionsFor("VOLUME", type, "volume", fields, volumeOptions),
    ...optionsFor("TMPFS", type, "tmpfs", fields, tmpfsOptions),
  };
}

function optionsFor(
  owner: Mount_Type,
  type: Mount_Type,
  prefix: string,
  fields: Fields,
  read: (fields: Fields) => Partial<Mount>,
): Partial<Mount> {
  const own = fields.all.filter(({ key }) => key.startsWith(`${prefix}-`));
  if (own.length === 0) return {};
  if (type !== owner) throw invalidArgument(`cannot mix '${prefix}-*' options with mount type '${type.toLowerCase()}'`);
  return read(fields);
}

function bindOptions(fields: Fields): Partial<Mount> {
  const propagation = oneOf(fields.text("bind-propagation"), propagations, "bind-propagation");
  const nonrecursive = fields.flag("bind-nonrecursive");
  return {
    bindOptions: {
      ...(propagation === undefined ? {} : { propagation }),
      ...(nonrecursive === true ? { nonrecursive } : {}),
    },
  };
}

function volumeOptions(fields: Fields): Partial<Mount> {
  const [labels, options] = [fields.map("volume-label"), fields.map("volume-opt")];
  const [name, subpath] = [fields.text("volume-driver"), fields.text("volume-subpath")];
  return {
    volumeOptions: {
      ...(fields.flag("volume-nocopy") === true ? { nocopy: true } : {}),
      ...(labels === undefined ? {} : { labels }),
      ...(name === undefined && options === undefined
        ? {}
        : { driverConfig: { ...(name === undefined ? {} : { name }), ...(options === undefined ? {} : { options }) } }),
      ...(subpath === undefined ? {} : { subpath }),
    },
  };
}

function tmpfsOptions(fields: Fields): Partial<Mount> {
  const [size, mode, options] = [fields.text("tmpfs-size"), fields.text("tmpfs-mode"), fields.text("tmpfs-opt")];
  if (mode !== undefined && !/^[0-7]{1,5}$/.test(mode)) throw invalidArgument(`invalid value for tmpfs-mode: ${mode}`);
  return {
    tmpfsOptions: {
      ...(size === undefined ? {} : { sizeBytes: parseBytes(size) }),
      ...(mode === undefined ? {} : { mode: Number.parseInt(mode, 8) }),
      ...(options === undefined ? {} : { options }),
    },
  };
}

function oneOf<T extends string>(value: string | undefined, allowed: readonly T[], key: string): T | undefined {
  if (value === undefined) return undefined;
  const found = allowed.find((candidate) => candidate === value.toUpperCase());
  if (found === undefined) throw invalidArgument(`invalid value for ${key}: ${value}`);
  return found;
}

function fieldsOf(all: readonly CommaField[]): Fields {
  const last = (wanted: readonly string[]): CommaField | undefined => all.findLast(({ key }) => wanted.includes(key));
  return {
    all,
    text: (...wanted) => {
      const field = last(wanted);
      if (field !== undefined && !field.hasValue)
        throw invalidArgument(`invalid field '${field.key}' must be a key=value pair`);
      return field?.value;
    },
    flag: (...wanted) => {
      const field = last(wanted);
      return field === undefined ? undefined : booleanOf(field);
    },
    map: (wanted) => {
      const found = all.filter(({ key }) => key === wanted);
      return found.length === 0 ? undefined : Object.fromEntries(found.map(({ value }) => splitPair(value)));
    },
  };
}
