import { secret } from "@mswarm/docker-json";
import { timestampOf } from "@mswarm/runtime";
import type { Secret } from "@mswarm/wire";
import { addFlag, addList, type CliCommand, optionsOf, withConnection } from "../cli-command.ts";
import type { CliContext } from "../cli-context.ts";
import { findSecret } from "../control/lookup.ts";
import { forEachArgument } from "../output/errors.ts";
import { ago } from "../output/human-time.ts";
import { inspect } from "../output/inspection.ts";
import { formatListing, type Listing } from "../output/listing.ts";
import { prettySecret } from "../output/pretty-payload.ts";
import { naturalOrder } from "../output/task-table.ts";
import { joinedLabels, payloadFilters } from "./payload-listing.ts";

export function addSecretLs(parent: CliCommand, context: CliContext): void {
  const command = parent.command("ls").alias("list").description("List secrets");
  command.option("--format <format>", '"table", "json" or a template such as "{{.Name}}"');
  addList(command, "-f, --filter <filter>", "id, name, label");
  addFlag(command, "-q, --quiet", "Only display ids");
  command.action(async () => {
    const flags = optionsOf(command);
    await withConnection(command, context, async ({ control }) => {
      const { secrets = [] } = await control.ListSecrets({ filters: payloadFilters(flags) });
      const sorted = secrets.toSorted((a, b) => naturalOrder(nameOf(a), nameOf(b)));
      const options = { format: flags.text("format"), isQuiet: flags.flag("quiet") === true };
      context.out(formatListing(sorted, secretListing(context), options));
    });
  });
}

const nameOf = ({ spec }: Secret): string => spec?.annotations?.name ?? "";

function secretListing({ clock }: CliContext): Listing<Secret> {
  const now = clock.now();
  return {
    id: ({ id }) => id ?? "",
    columns: [
      { header: "ID", field: "ID", cell: ({ id }) => id ?? "" },
      { header: "NAME", field: "Name", cell: nameOf },
      { header: "DRIVER", field: "Driver", cell: ({ spec }) => spec?.driver?.name ?? "" },
      { header: "CREATED", field: "CreatedAt", cell: ({ meta }) => ago(timestampOf(meta?.createdAt), now) },
      { header: "UPDATED", field: "UpdatedAt", cell: ({ meta }) => ago(timestampOf(meta?.updatedAt), now) },
    ],
    more: [{ field: "Labels", cell: ({ spec }) => joinedLabels(spec?.annotations?.labels) }],
  };
}

export function addSecretInspect(parent: CliCommand, context: CliContext): void {
  const command = parent.command("inspect").description("Show everything about secrets but their content");
  command
    .argument("<secrets...>", "Secrets by id, name or prefix of the id")
    .option("-f, --format <format>", '"json", "pretty" or a template such as "{{.Spec.Name}}"');
  addFlag(command, "--pretty", "Print for people");
  command.action(async (texts: string[]) => {
    const flags = optionsOf(command);
    const format = flags.flag("pretty") === true ? "pretty" : flags.text("format");
    await withConnection(command, context, async ({ control }) => {
      const find = (text: string) => findSecret(control, text);
      await inspect(texts, { find, json: secret.write, pretty: prettySecret }, { format, context });
    });
  });
}

export function addSecretRm(parent: CliCommand, context: CliContext): void {
  const command = parent.command("rm").alias("remove").description("Remove secrets");
  command.argument("<secrets...>", "Secrets by id, name or prefix of the id");
  command.action(async (texts: string[]) => {
    await withConnection(command, context, async ({ control }) => {
      await forEachArgument(texts, async (text) => {
        const secret = await findSecret(control, text);
        await control.RemoveSecret({ secretId: secret.id ?? "" });
        context.out(`${text}\n`);
      });
    });
  });
}
