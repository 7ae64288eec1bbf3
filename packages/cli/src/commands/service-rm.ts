import { type CliCommand, withConnection } from "../cli-command.ts";
import type { CliContext } from "../cli-context.ts";
import { findService } from "../control/lookup.ts";
import { forEachArgument } from "../output/errors.ts";

export function addServiceRm(parent: CliCommand, context: CliContext): void {
  const command = parent.command("rm").alias("remove").description("Remove services");
  command.argument("<services...>", "Services by id, name or prefix of the id");
  command.action(async (texts: string[]) => {
    await withConnection(command, context, async ({ control }) => {
      await forEachArgument(texts, async (text) => {
        const service = await findService(control, text);
        await control.RemoveService({ serviceId: service.id ?? "" });
        context.out(`${text}\n`);
      });
    });
  });
}
