import { wireDuration } from "@mswarm/runtime";
import { addFlag, type CliCommand, optionsOf, withConnection } from "../cli-command.ts";
import type { CliContext, Control } from "../cli-context.ts";
import { waitForService } from "../control/convergence.ts";
import { findSecret } from "../control/lookup.ts";
import { parseDuration } from "../flags/go-duration.ts";
import { LocalFailure } from "../local-failure.ts";
import { contentOf } from "./payload-create.ts";

export function addSecretRotate(parent: CliCommand, context: CliContext): void {
  const command = parent
    .command("rotate")
    .description("Give a secret new content, and roll the services that use it over to it");
  command
    .argument("<secret>", "Secret by id, name or prefix of the id")
    .argument("<file>", 'Path of the file that holds the new content; "-" reads standard input')
    .option("--keep <duration>", "How long the old version is kept for a rollback", "24h");
  addFlag(command, "-d, --detach", "Exit immediately instead of waiting for the services to converge");
  addFlag(command, "-q, --quiet", "Suppress progress output");
  command.action(async (text: string, file: string) => {
    const flags = optionsOf(command);
    const keep = wireDuration(flags.parsed("keep", parseDuration) ?? parseDuration("24h"));
    const data = await contentOf(file, context);
    await withConnection(command, context, async ({ control, operations }) => {
      const { id = "" } = await findSecret(control, text);
      const {
        secretId = "",
        previousName = "",
        serviceIds = [],
      } = await operations.RotateSecret({
        secretId: id,
        data,
        keep,
      });
      context.out(`${secretId}\n`);
      if (flags.flag("detach") === true) return;
      const isQuiet = flags.flag("quiet") === true;
      for (const serviceId of serviceIds) await waitForService(serviceId, { control, context }, { isQuiet });
      await requireRolledOver(serviceIds, previousName, control);
    });
  });
}

/** Errors: LocalFailure when services went back to the old version. */
async function requireRolledOver(serviceIds: readonly string[], previousName: string, control: Control): Promise<void> {
  const back: string[] = [];
  for (const serviceId of serviceIds) {
    const { service } = await control.GetService({ serviceId });
    if (service?.updateStatus?.state?.startsWith("ROLLBACK") === true) {
      back.push(service.spec?.annotations?.name ?? serviceId);
    }
  }
  if (back.length === 0) return;
  throw new LocalFailure(
    "FAILED_PRECONDITION",
    `the new version did not work for ${back.join(", ")}: rolled back to the old one, which is kept as ${previousName}`,
  );
}
