import { addFlag, type CliCommand, optionsOf, withConnection } from "../cli-command.ts";
import type { CliContext } from "../cli-context.ts";
import { changeCluster } from "../control/cluster.ts";
import { addClusterSettings, clusterChange } from "../control/cluster-settings.ts";
import { UsageError } from "../flags/option-values.ts";
import { notAvailable } from "../local-failure.ts";

export function addUpdate(parent: CliCommand, context: CliContext): void {
  const command = parent.command("update").description("Change settings of the cluster");
  addClusterSettings(command);
  addFlag(command, "--autolock", "Lock managers with an unlock key");
  command.action(async () => {
    const flags = optionsOf(command);
    if (flags.flag("autolock") === true) throw notAvailable("locked managers (--autolock) are not available yet");
    const change = clusterChange(flags);
    if (change === undefined) throw new UsageError("nothing to change: give at least one setting");
    await withConnection(command, context, async ({ control }) => {
      await changeCluster(control, change);
      context.out("Swarm updated.\n");
    });
  });
}
