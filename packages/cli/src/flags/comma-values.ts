// `--mount`, `--secret`, `--publish`: one line of CSV whose fields are `key=value`.
import { invalidArgument } from "@mswarm/runtime";
import { parse } from "csv-parse/sync";
import { splitPair } from "./key-values.ts";

export interface CommaField {
  /** Lower case. */
  readonly key: string;
  /** Empty for a field without `=`. */
  readonly value: string;
  readonly hasValue: boolean;
}

/** Splits one line of CSV. Errors: INVALID_ARGUMENT. */
export function parseCommaFields(text: string): readonly CommaField[] {
  let records: string[][];
  try {
    records = parse(text, { relax_column_count: true });
  } catch (cause) {
    throw invalidArgument(`cannot read ${JSON.stringify(text)}: quotes do not match`, { cause });
  }
  const [fields, ...more] = records;
  if (fields === undefined || more.length > 0) throw invalidArgument("value is empty");
  return fields.map((field) => {
    const [key, value] = splitPair(field);
    return { key: key.trim().toLowerCase(), value, hasValue: field.includes("=") };
  });
}

/** `readonly`, `readonly=true`, `readonly=0`. Errors: INVALID_ARGUMENT. */
export function booleanOf(field: CommaField): boolean {
  if (!field.hasValue) return true;
  const value = field.value.toLowerCase();
  if (["1", "t", "true"].includes(value)) return true;
  if (["0", "f", "false"].includes(value)) return false;
  throw invalidArgument(`invalid value for ${field.key}: ${field.value}`);
}
