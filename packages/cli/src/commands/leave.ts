import { addFlag, type CliCommand, optionsOf, withConnection } from "../cli-command.ts";
import type { CliContext } from "../cli-context.ts";

export function addLeave(parent: CliCommand, context: CliContext): void {
  const command = parent.command("leave").description("Take this node out of its cluster");
  addFlag(command, "-f, --force", "Leave although this node is a manager, or the cluster does not answer");
  command.action(async () => {
    await withConnection(command, context, async ({ daemon }) => {
      await daemon.Leave({ force: optionsOf(command).flag("force") === true });
      context.out("Node left the swarm.\n");
    });
  });
}
