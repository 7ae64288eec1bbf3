import { node } from "@mswarm/docker-json";
import { addFlag, type CliCommand, optionsOf, withConnection } from "../cli-command.ts";
import type { CliContext } from "../cli-context.ts";
import { findNodeOrSelf } from "../control/lookup.ts";
import { inspect } from "../output/inspection.ts";
import { prettyNode } from "../output/pretty-node.ts";

export function addNodeInspect(parent: CliCommand, context: CliContext): void {
  const command = parent.command("inspect").description("Show everything about nodes");
  command
    .argument("<nodes...>", 'Nodes by id, hostname or prefix of the id; "self" is this one')
    .option("-f, --format <format>", '"json", "pretty" or a template such as "{{.Status.State}}"');
  addFlag(command, "--pretty", "Print for people");
  command.action(async (texts: string[]) => {
    const flags = optionsOf(command);
    const format = flags.flag("pretty") === true ? "pretty" : flags.text("format");
    await withConnection(command, context, async ({ control, daemon }) => {
      const find = (text: string) => findNodeOrSelf(control, daemon, text);
      await inspect(texts, { find, json: node.write, pretty: prettyNode }, { format, context });
    });
  });
}
