import { invalidArgument } from "@mswarm/runtime";
import { parseCommaFields } from "./comma-values.ts";

/** A secret or config that a service asks for, by name; the id is looked up later. */
export interface FileReference {
  /** Name or id of the secret or config. */
  readonly source: string;
  readonly file: { readonly name: string; readonly uid: string; readonly gid: string; readonly mode: number };
}

/**
 * One `--secret` or `--config`: `name`, or `source=name,target=file,uid=0,gid=0,mode=0444` (mode in octal).
 * Errors: INVALID_ARGUMENT. Source: docker/cli opts/swarmopts/secret.go.
 */
export function parseFileReference(text: string, what: "secret" | "config"): FileReference {
  const fields = parseCommaFields(text);
  const [only] = fields;
  if (fields.length === 1 && only !== undefined && !only.hasValue) {
    return { source: text, file: { name: text, uid: "0", gid: "0", mode: 0o444 } };
  }
  const values = new Map<string, string>();
  for (const { key, value, hasValue } of fields) {
    if (!hasValue) throw invalidArgument(`invalid field '${key}' must be a key=value pair`);
    const name = { src: "source", dst: "target" }[key] ?? key;
    if (!["source", "target", "uid", "gid", "mode"].includes(name)) {
      throw invalidArgument(`invalid field in ${what} request: ${key}`);
    }
    values.set(name, value);
  }
  const source = values.get("source");
  if (!source) throw invalidArgument("source is required");
  const mode = values.get("mode") ?? "0444";
  if (!/^[0-7]{1,5}$/.test(mode)) throw invalidArgument(`invalid mode specified: ${mode}`);
  return {
    source,
    file: {
      name: values.get("target") ?? source,
      uid: values.get("uid") ?? "0",
      gid: values.get("gid") ?? "0",
      mode: Number.parseInt(mode, 8),
    },
  };
}
