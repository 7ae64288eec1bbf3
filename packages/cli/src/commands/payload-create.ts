// `secret create` and `config create`: the content from a file or from standard input, never from an argument.

import { addList, type CliCommand, optionsOf, withConnection } from "../cli-command.ts";
import type { CliContext } from "../cli-context.ts";
import { pairsToMap } from "../flags/key-values.ts";
import { localFailure, notAvailable } from "../local-failure.ts";
import type { Payload, PayloadKind } from "./payload-kind.ts";

export function addPayloadCreate<T extends Payload>(
  parent: CliCommand,
  context: CliContext,
  kind: PayloadKind<T>,
): void {
  const command = parent.command("create").description(`Create a ${kind.name} from a file or standard input`);
  command
    .argument("<name>", `Name of the ${kind.name}`)
    .argument("<file>", 'Path of the file that holds the content; "-" reads standard input')
    .option("--template-driver <driver>", "Template driver");
  if (kind.hasDrivers) command.option("-d, --driver <driver>", "Secret driver");
  addList(command, "-l, --label <label>", "Labels");
  command.action(async (name: string, file: string) => {
    const flags = optionsOf(command);
    if (flags.text("driver") !== undefined) throw notAvailable("secret drivers (--driver) are not available yet");
    const labels = pairsToMap(flags.list("label"), "label");
    const templating = flags.text("templateDriver");
    const data = await contentOf(file, context);
    const spec = {
      annotations: { name, ...(Object.keys(labels).length === 0 ? {} : { labels }) },
      data,
      ...(templating === undefined ? {} : { templating: { name: templating } }),
    };
    await withConnection(command, context, async ({ control }) => {
      context.out(`${await kind.create(control, spec)}\n`);
    });
  });
}

/** Of a file, or of standard input for "-". Errors: LocalFailure when there is nothing in it. */
export async function contentOf(file: string, context: CliContext): Promise<Buffer> {
  const isInput = file === "-";
  const data = isInput ? await context.readInput() : await context.readFile(file);
  if (data.length === 0) {
    throw localFailure("INVALID_ARGUMENT", `error reading from ${isInput ? "STDIN" : file}: data is empty`);
  }
  return data;
}
