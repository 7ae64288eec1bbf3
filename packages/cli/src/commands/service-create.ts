import { type CliCommand, optionsOf, withConnection } from "../cli-command.ts";
import type { CliContext } from "../cli-context.ts";
import { waitForService } from "../control/convergence.ts";
import { serviceInputs } from "../control/service-inputs.ts";
import type { OptionValues } from "../flags/option-values.ts";
import { notAvailable } from "../local-failure.ts";
import { newServiceSpec, noInputs } from "../service-spec/service.ts";
import { addCreateOptions } from "./service-options.ts";

export function addServiceCreate(parent: CliCommand, context: CliContext): void {
  const command = parent.command("create").description("Create a service");
  command
    .argument("<image>", "Image of the containers")
    .argument("[command...]", "Command and its arguments")
    .passThroughOptions();
  command.hasPassThrough = true;
  addCreateOptions(command);
  command.action(async (image: string, words: string[]) => {
    const flags = optionsOf(command);
    refuseLater(flags);
    // Once without asking anybody, so that a mistake on the command line is found first.
    newServiceSpec({ image, command: words, flags }, noInputs);
    await withConnection(command, context, async ({ control }) => {
      const inputs = await serviceInputs(flags, image, { control, context });
      const spec = newServiceSpec({ image, command: words, flags }, inputs);
      const { service } = await control.CreateService({ spec });
      const id = service?.id ?? "";
      context.out(`${id}\n`);
      if (flags.flag("detach") !== true) {
        await waitForService(id, { control, context }, { isQuiet: flags.flag("quiet") === true });
      }
    });
  });
}

/** Errors: LocalFailure for flags whose feature comes later. */
export function refuseLater(flags: OptionValues): void {
  if (flags.text("credentialSpec") !== undefined) throw notAvailable("credential specs (Windows) are not available");
}
