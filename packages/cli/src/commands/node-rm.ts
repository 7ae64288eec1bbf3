import { addFlag, type CliCommand, optionsOf, withConnection } from "../cli-command.ts";
import type { CliContext } from "../cli-context.ts";
import { findNode } from "../control/lookup.ts";
import { forEachArgument } from "../output/errors.ts";

export function addNodeRm(parent: CliCommand, context: CliContext): void {
  const command = parent.command("rm").alias("remove").description("Remove nodes from the cluster");
  command.argument("<nodes...>", "Nodes by id, hostname or prefix of the id");
  addFlag(command, "-f, --force", "Remove a node that is not down");
  command.action(async (texts: string[]) => {
    const force = optionsOf(command).flag("force") === true;
    await withConnection(command, context, async ({ control }) => {
      await forEachArgument(texts, async (text) => {
        const node = await findNode(control, text);
        await control.RemoveNode({ nodeId: node.id ?? "", force });
        context.out(`${text}\n`);
      });
    });
  });
}
