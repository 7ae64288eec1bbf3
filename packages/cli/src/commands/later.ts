// Commands of docker's that are not there yet: known to the parser, refused with a sentence, exit code 1.
import type { CliCommand } from "../cli-command.ts";
import { notAvailable } from "../local-failure.ts";

/** Adds `name` to a group; whatever follows it is taken without a look. */
export function addLater(parent: CliCommand, name: string, what: string): void {
  const command = parent.command(name, { hidden: true }).description(`${what}: not available yet`);
  command
    .argument("[words...]")
    .allowUnknownOption()
    .action(() => {
      throw notAvailable(`${what} are not available yet`);
    });
}
