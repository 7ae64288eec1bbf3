// Tasks of all services and nodes. Docker has no such commands.
import { task } from "@mswarm/docker-json";
import type { Task } from "@mswarm/wire";
import { type CliCommand, optionsOf, withConnection } from "../cli-command.ts";
import type { CliContext } from "../cli-context.ts";
import { findTask } from "../control/lookup.ts";
import { inspect } from "../output/inspection.ts";
import { addTaskOptions, printTasks } from "./task-listing.ts";

export function addTaskLs(parent: CliCommand, context: CliContext): void {
  const command = parent.command("ls").alias("list").alias("ps").description("List the tasks of the cluster");
  addTaskOptions(command);
  command.action(async () => {
    await withConnection(command, context, async ({ control }) => {
      const { tasks = [] } = await control.ListTasks({});
      await printTasks(tasks, optionsOf(command), { control, context });
    });
  });
}

export function addTaskInspect(parent: CliCommand, context: CliContext): void {
  const command = parent.command("inspect").description("Show everything about tasks");
  command
    .argument("<tasks...>", "Tasks by id, name or prefix of the id")
    .option("-f, --format <format>", '"json" or a template such as "{{.Status.State}}"');
  command.action(async (texts: string[]) => {
    const format = optionsOf(command).text("format");
    await withConnection(command, context, async ({ control }) => {
      const inspection = { find: (text: string) => findTask(control, text), json: task.write, pretty: prettyTask };
      await inspect(texts, inspection, { format, context });
    });
  });
}

/** One line for a person. */
function prettyTask({ id = "", status, desiredState }: Task): string {
  const words = [status?.state, "wanted", desiredState, status?.message, status?.err].filter(
    (text) => text !== undefined,
  );
  return `${id}\t${words.join(" ")}\n`;
}
