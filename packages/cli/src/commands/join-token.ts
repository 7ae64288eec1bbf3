import { addFlag, type CliCommand, optionsOf, withConnection } from "../cli-command.ts";
import type { CliContext } from "../cli-context.ts";
import { changeCluster, clusterOf } from "../control/cluster.ts";
import { UsageError } from "../flags/option-values.ts";
import { joinAdvice } from "../output/join-advice.ts";

export function addJoinToken(parent: CliCommand, context: CliContext): void {
  const command = parent.command("join-token").description("Show or replace the token that lets nodes join");
  command
    .argument("<role>", '"worker" or "manager"')
    .option("--format <format>", '"json" for {"Role": …, "Token": …, "Address": …}');
  addFlag(command, "-q, --quiet", "Only display the token");
  addFlag(command, "--rotate", "Make a new token; the old one lets nobody in any more");
  command.action(async (role: string) => {
    const flags = optionsOf(command);
    if (role !== "worker" && role !== "manager") throw new UsageError(`unknown role ${role}`);
    const isQuiet = flags.flag("quiet") === true;
    const isJson = flags.text("format") === "json";
    await withConnection(command, context, async ({ control, daemon }) => {
      if (flags.flag("rotate") === true) {
        await changeCluster(control, (spec) => spec, {
          workerJoinToken: role === "worker",
          managerJoinToken: role === "manager",
        });
        if (!isQuiet && !isJson) context.out(`Successfully rotated ${role} join token.\n\n`);
      }
      const token = (await clusterOf(control)).rootCa?.joinTokens?.[role] ?? "";
      if (isQuiet) return context.out(`${token}\n`);
      const { advertiseAddr: address = "" } = await daemon.Status({});
      if (isJson) return context.out(`${JSON.stringify({ Role: role, Token: token, Address: address })}\n`);
      context.out(joinAdvice({ role, token, address }));
    });
  });
}
