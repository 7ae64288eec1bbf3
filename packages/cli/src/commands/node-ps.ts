import { type CliCommand, optionsOf, withConnection } from "../cli-command.ts";
import type { CliContext } from "../cli-context.ts";
import { findNodeOrSelf } from "../control/lookup.ts";
import { forEachArgument } from "../output/errors.ts";
import { addTaskOptions, printTasks } from "./task-listing.ts";

export function addNodePs(parent: CliCommand, context: CliContext): void {
  const command = parent.command("ps").description("List the tasks of nodes");
  command.argument("[nodes...]", "Nodes by id, hostname or prefix of the id", ["self"]);
  addTaskOptions(command);
  command.action(async (texts: string[]) => {
    await withConnection(command, context, async ({ control, daemon }) => {
      const nodeIds: string[] = [];
      await forEachArgument(texts, async (text) => {
        nodeIds.push((await findNodeOrSelf(control, daemon, text)).id ?? "");
      });
      const { tasks = [] } = await control.ListTasks({ filters: { nodeIds } });
      await printTasks(tasks, optionsOf(command), { control, context });
    });
  });
}
