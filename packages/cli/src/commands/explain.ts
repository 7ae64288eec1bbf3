import { isSwarmError, notFound } from "@mswarm/runtime";
import type { mswarm } from "@mswarm/wire";
import { type CliCommand, optionsOf, withConnection } from "../cli-command.ts";
import type { CliContext, Control } from "../cli-context.ts";
import { findService } from "../control/lookup.ts";
import { UsageError } from "../flags/option-values.ts";
import { explanationJson, explanationText } from "../output/explanation.ts";

export function addExplain(parent: CliCommand, context: CliContext): void {
  const command = parent.command("explain").description("Say why the tasks of a service, or one task, do not run");
  command
    .argument("<service|task>", "Service by id, name or prefix of the id, or task by id or prefix of it")
    .option("--format <format>", '"table" or "json"', "table");
  command.action(async (text: string) => {
    const format = optionsOf(command).text("format");
    if (format !== "table" && format !== "json") throw new UsageError('--format must be "table" or "json"');
    await withConnection(command, context, async ({ control, operations }) => {
      const explanation = await operations.Explain(await subjectOf(text, control));
      context.out(format === "json" ? explanationJson(explanation) : explanationText(explanation));
    });
  });
}

/** A service, else a task. Errors: NOT_FOUND, INVALID_ARGUMENT when several match. */
async function subjectOf(text: string, control: Control): Promise<mswarm.ExplainRequestInput> {
  try {
    return { serviceId: (await findService(control, text)).id ?? "" };
  } catch (error) {
    if (!isSwarmError(error, "NOT_FOUND")) throw error;
  }
  const { tasks = [] } = await control.ListTasks({ filters: { idPrefixes: [text] } });
  const exact = tasks.find(({ id }) => id === text) ?? (tasks.length === 1 ? tasks[0] : undefined);
  if (exact !== undefined) return { taskId: exact.id ?? "" };
  throw notFound(
    tasks.length === 0
      ? `no such service or task: ${text}`
      : `task ${text} is ambiguous (${tasks.length} matches found)`,
  );
}
