// `secret` and `config`: ls, inspect, rm.
import { timestampOf } from "@mswarm/runtime";
import { addFlag, addList, type CliCommand, optionsOf, withConnection } from "../cli-command.ts";
import type { CliContext } from "../cli-context.ts";
import { labelFilter, parseFilters } from "../control/filters.ts";
import type { OptionValues } from "../flags/option-values.ts";
import { forEachArgument } from "../output/errors.ts";
import { ago } from "../output/human-time.ts";
import { inspect } from "../output/inspection.ts";
import { formatListing, type Listing } from "../output/listing.ts";
import { naturalOrder } from "../output/task-table.ts";
import type { Payload, PayloadFilters, PayloadKind } from "./payload-kind.ts";

export function addPayloadLs<T extends Payload>(parent: CliCommand, context: CliContext, kind: PayloadKind<T>): void {
  const command = parent.command("ls").alias("list").description(`List ${kind.name}s`);
  command.option("--format <format>", '"table", "json" or a template such as "{{.Name}}"');
  addList(command, "-f, --filter <filter>", "id, name, label");
  addFlag(command, "-q, --quiet", "Only display ids");
  command.action(async () => {
    const flags = optionsOf(command);
    const filters = filtersOf(flags);
    await withConnection(command, context, async ({ control }) => {
      const listed = await kind.list(control, filters);
      const sorted = listed.toSorted((a, b) => naturalOrder(nameOf(a), nameOf(b)));
      const options = { format: flags.text("format"), isQuiet: flags.flag("quiet") === true };
      context.out(formatListing(sorted, listingOf(kind, context), options));
    });
  });
}

export function addPayloadInspect<T extends Payload>(
  parent: CliCommand,
  context: CliContext,
  kind: PayloadKind<T>,
): void {
  const command = parent.command("inspect").description(`Show ${kind.inspected}`);
  command
    .argument(`<${kind.name}s...>`, `${kind.title}s by id, name or prefix of the id`)
    .option("-f, --format <format>", '"json", "pretty" or a template such as "{{.Spec.Name}}"');
  addFlag(command, "--pretty", "Print for people");
  command.action(async (texts: string[]) => {
    const flags = optionsOf(command);
    const format = flags.flag("pretty") === true ? "pretty" : flags.text("format");
    await withConnection(command, context, async ({ control }) => {
      const find = (text: string): Promise<T> => kind.find(control, text);
      await inspect(texts, { find, json: kind.json, pretty: kind.pretty }, { format, context });
    });
  });
}

export function addPayloadRm<T extends Payload>(parent: CliCommand, context: CliContext, kind: PayloadKind<T>): void {
  const command = parent.command("rm").alias("remove").description(`Remove ${kind.name}s`);
  command.argument(`<${kind.name}s...>`, `${kind.title}s by id, name or prefix of the id`);
  command.action(async (texts: string[]) => {
    await withConnection(command, context, async ({ control }) => {
      await forEachArgument(texts, async (text) => {
        const { id = "" } = await kind.find(control, text);
        await kind.remove(control, id);
        context.out(`${text}\n`);
      });
    });
  });
}

const nameOf = ({ spec }: Payload): string => spec?.annotations?.name ?? "";

function listingOf<T extends Payload>({ columns }: PayloadKind<T>, { clock }: CliContext): Listing<T> {
  const now = clock.now();
  return {
    id: ({ id }) => id ?? "",
    columns: [
      { header: "ID", field: "ID", cell: ({ id }) => id ?? "" },
      { header: "NAME", field: "Name", cell: nameOf },
      ...columns,
      { header: "CREATED", field: "CreatedAt", cell: ({ meta }) => ago(timestampOf(meta?.createdAt), now) },
      { header: "UPDATED", field: "UpdatedAt", cell: ({ meta }) => ago(timestampOf(meta?.updatedAt), now) },
    ],
    more: [{ field: "Labels", cell: ({ spec }) => joinedLabels(spec?.annotations?.labels) }],
  };
}

/** Errors: UsageError. */
function filtersOf(flags: OptionValues): PayloadFilters {
  const filters = parseFilters(flags.list("filter"), ["id", "name", "label"]);
  return {
    idPrefixes: [...(filters.get("id") ?? [])],
    namePrefixes: [...(filters.get("name") ?? [])],
    labels: labelFilter(filters.get("label")),
  };
}

const joinedLabels = (labels: Readonly<Record<string, string>> | undefined): string =>
  Object.entries(labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
