import { isSwarmError } from "@mswarm/runtime";
import { type CliCommand, optionsOf, withConnection } from "../cli-command.ts";
import type { CliContext } from "../cli-context.ts";
import { findService } from "../control/lookup.ts";
import { LocalFailure } from "../local-failure.ts";
import { forEachArgument } from "../output/errors.ts";
import { addTaskOptions, printTasks } from "./task-listing.ts";

export function addServicePs(parent: CliCommand, context: CliContext): void {
  const command = parent.command("ps").description("List the tasks of services");
  command.argument("<services...>", "Services by id, name or prefix of the id");
  addTaskOptions(command);
  command.action(async (texts: string[]) => {
    await withConnection(command, context, async ({ control }) => {
      const serviceIds: string[] = [];
      let failure: unknown;
      try {
        await forEachArgument(texts, async (text) => {
          serviceIds.push((await findService(control, text).catch(noSuchService(text))).id ?? "");
        });
      } catch (error) {
        // What was found is shown all the same, as docker does.
        failure = error;
      }
      if (serviceIds.length > 0) {
        const { tasks = [] } = await control.ListTasks({ filters: { serviceIds } });
        await printTasks(tasks, optionsOf(command), { control, context });
      }
      if (failure !== undefined) throw failure;
    });
  });
}

/** Docker's own words for a service that its list does not have. */
export function noSuchService(text: string): (error: unknown) => never {
  return (error) => {
    if (isSwarmError(error, "NOT_FOUND"))
      throw new LocalFailure("NOT_FOUND", `no such service: ${text}`, { cause: error });
    throw error;
  };
}
