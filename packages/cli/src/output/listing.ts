// Lists: a table, one JSON object per line, a template, or ids.
import { messageOf } from "@mswarm/runtime";
import { GoStruct, type Value, valueOfJson } from "@mswarm/template";
import { UsageError } from "../flags/option-values.ts";
import { formatTemplate, headerFunctions } from "./format-template.ts";
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

/** The text of a list, with a line feed at the end of each line. Errors: UsageError. */
export function formatListing<T>(items: readonly T[], listing: Listing<T>, options: ListingOptions): string {
  const lines = (texts: readonly string[]): string => texts.map((text) => `${text}\n`).join("");
  const { format = "table" } = options;
  if (options.isQuiet && !format.includes("{{")) return lines(items.map((item) => listing.id(item)));
  if (format === "json" || format === "{{json .}}") return lines(items.map((item) => jsonLine(item, listing)));
  if (format === "table") {
    const header = listing.columns.map(({ header }) => header);
    return formatTable([header, ...items.map((item) => listing.columns.map((column) => column.cell(item)))]);
  }
  const template = format
    .replace(/^table\s+/, "")
    .replaceAll("\\t", "\t")
    .replaceAll("\\n", "\n");
  const fill = formatTemplate(template);
  const rows = items.map((item) => withFieldNames(listing, () => fill(fieldsOf(item, listing))));
  if (!/^table\s/.test(format)) return lines(rows);
  const header = formatTemplate(template, headerFunctions)(headersOf(listing));
  return formatTable([header, ...rows].map((row) => row.split("\t")));
}

function jsonLine<T>(item: T, listing: Listing<T>): string {
  const fields = [...listing.columns, ...(listing.more ?? [])]
    .map((column): [string, string | boolean] => [column.field, column.json?.(item) ?? column.cell(item)])
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(Object.fromEntries(fields));
}

const rowType = "row";

const allColumns = <T>({ columns, more = [] }: Listing<T>): readonly Pick<Column<T>, "field" | "cell" | "json">[] => [
  ...columns,
  ...more,
];

const fieldsOf = <T>(item: T, listing: Listing<T>): Value =>
  new GoStruct(
    rowType,
    Object.fromEntries(
      allColumns(listing).map((column) => [column.field, valueOfJson(column.json?.(item) ?? column.cell(item))]),
    ),
  );

function headersOf<T>(listing: Listing<T>): Value {
  const headers = new Map(listing.columns.map(({ field, header }) => [field, header]));
  const texts = allColumns(listing).map(({ field }) => [field, headers.get(field) ?? field.toUpperCase()]);
  return new GoStruct(rowType, Object.fromEntries(texts));
}

/** Names the fields there are to somebody who asked for another one. */
function withFieldNames<T>(listing: Listing<T>, work: () => string): string {
  try {
    return work();
  } catch (error) {
    const [, field] = /can't evaluate field (\S+) in type row$/.exec(messageOf(error)) ?? [];
    if (field === undefined) throw error;
    const names = allColumns(listing).map((column) => `.${column.field}`);
    throw new UsageError(`no field .${field} here; there are ${names.join(", ")}`, { cause: error });
  }
}
