// Lists: a table, one JSON object per line, a small template, or ids.
import { UsageError } from "../flags/option-values.ts";
import { notAvailable } from "../local-failure.ts";
import { formatTable } from "./table.ts";

/** One column: its header, the field's name in JSON and templates, and its cell. */
export interface Column<T> {
  readonly header: string;
  readonly field: string;
  cell(item: T): string;
  /** What JSON shows where it is not the cell. */
  json?(item: T): string | boolean;
}

export interface Listing<T> {
  readonly columns: readonly Column<T>[];
  /** Fields of JSON and templates that the table does not show. */
  readonly more?: readonly Pick<Column<T>, "field" | "cell" | "json">[];
  /** What `--quiet` prints. */
  id(item: T): string;
}

export interface ListingOptions {
  /** `table` (default), `json`, `{{.Field}} …`, or `table {{.Field}} …`. */
  readonly format: string | undefined;
  readonly isQuiet: boolean;
}

/** The text of a list, with a line feed at the end of each line. Errors: UsageError, UNIMPLEMENTED for other templates. */
export function formatListing<T>(items: readonly T[], listing: Listing<T>, options: ListingOptions): string {
  const lines = (texts: readonly string[]): string => texts.map((text) => `${text}\n`).join("");
  const { format = "table" } = options;
  if (options.isQuiet && !format.includes("{{")) return lines(items.map((item) => listing.id(item)));
  if (format === "json" || format === "{{json .}}") return lines(items.map((item) => jsonLine(item, listing)));
  if (format === "table") {
    const header = listing.columns.map(({ header }) => header);
    return formatTable([header, ...items.map((item) => listing.columns.map((column) => column.cell(item)))]);
  }
  const template = format.replace(/^table\s+/, "");
  const rows = items.map((item) => fillTemplate(template, (field) => cellOf(item, field, listing)));
  if (template === format) return lines(rows);
  const header = fillTemplate(template, (field) => headerOf(field, listing));
  return formatTable([header, ...rows].map((row) => row.split("\t")));
}

function jsonLine<T>(item: T, listing: Listing<T>): string {
  const fields = [...listing.columns, ...(listing.more ?? [])]
    .map((column): [string, string | boolean] => [column.field, column.json?.(item) ?? column.cell(item)])
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(Object.fromEntries(fields));
}

/**
 * Replaces `{{.Field}}`; `\t` and `\n` as in Go's templates on a command line.
 * Errors: UNIMPLEMENTED for anything else between the braces.
 */
export function fillTemplate(template: string, fill: (field: string) => string): string {
  const plain = template.replaceAll("\\t", "\t").replaceAll("\\n", "\n");
  return plain.replace(/\{\{(?<action>.*?)\}\}/gs, (_match, action: string) => {
    const field = /^-?\s*\.(?<field>\w+)\s*-?$/.exec(action)?.groups?.["field"];
    if (field === undefined) {
      throw notAvailable(`templates can hold fields such as {{.ID}} only, not {{${action}}}; use --format json`);
    }
    return fill(field);
  });
}

function cellOf<T>(item: T, field: string, listing: Listing<T>): string {
  const column = [...listing.columns, ...(listing.more ?? [])].find((candidate) => candidate.field === field);
  if (column === undefined) throw unknownField(field, listing);
  return String(column.json?.(item) ?? column.cell(item));
}

function headerOf<T>(field: string, listing: Listing<T>): string {
  const column = listing.columns.find((candidate) => candidate.field === field);
  return column?.header ?? field.toUpperCase();
}

function unknownField<T>(field: string, listing: Listing<T>): UsageError {
  const names = [...listing.columns, ...(listing.more ?? [])].map((column) => column.field);
  return new UsageError(`no field .${field} here; there are ${names.map((name) => `.${name}`).join(", ")}`);
}
