import { service } from "@mswarm/docker-json";
import type { Service } from "@mswarm/wire";
import { addFlag, type CliCommand, optionsOf, withConnection } from "../cli-command.ts";
import type { CliContext } from "../cli-context.ts";
import { findService } from "../control/lookup.ts";
import { inspect } from "../output/inspection.ts";
import { prettyService } from "../output/pretty-service.ts";
import { noSuchService } from "./service-ps.ts";

export function addServiceInspect(parent: CliCommand, context: CliContext): void {
  const command = parent.command("inspect").description("Show everything about services");
  command
    .argument("<services...>", "Services by id, name or prefix of the id")
    .option("-f, --format <format>", '"json", "pretty" or a template such as "{{.Spec.Name}}"');
  addFlag(command, "--pretty", "Print for people");
  command.action(async (texts: string[]) => {
    const flags = optionsOf(command);
    const format = flags.flag("pretty") === true ? "pretty" : flags.text("format");
    await withConnection(command, context, async ({ control }) => {
      const { networks = [] } = format === "pretty" ? await control.ListNetworks({}) : {};
      const names = new Map(networks.map(({ id = "", spec }) => [id, spec?.annotations?.name ?? id]));
      const find = (text: string) => findService(control, text, { insertDefaults: true }).catch(noSuchService(text));
      const inspection = {
        find,
        json: service.write,
        pretty: (found: Service) => prettyService(found, names),
      };
      await inspect(texts, inspection, { format, context });
    });
  });
}
