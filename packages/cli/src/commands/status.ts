// The whole cluster on one screen.
import { isSwarmError, seconds } from "@mswarm/runtime";
import { type CliCommand, optionsOf, withConnection } from "../cli-command.ts";
import type { CliContext, Connection } from "../cli-context.ts";
import { UsageError } from "../flags/option-values.ts";
import { type ClusterView, clusterPage, nodePage, statusJson } from "../output/status-page.ts";

/** A cluster without leader still has a status: its objects are just not to be had. */
const patience = seconds(3);

export function addStatus(parent: CliCommand, context: CliContext): void {
  const command = parent.command("status").description("Show this node and, on a manager, the whole cluster");
  command.option("--format <format>", '"json"');
  command.action(async () => {
    const format = optionsOf(command).text("format");
    if (format !== undefined && format !== "json") throw new UsageError('--format can be "json" only');
    await withConnection(command, context, async (connection) => {
      const status = await connection.daemon.Status({});
      const cluster = status.isManager === true ? await readCluster(connection) : undefined;
      const now = context.clock.now();
      if (format === "json") context.out(`${JSON.stringify(statusJson(status, cluster))}\n`);
      else context.out(nodePage(status, now) + (cluster === undefined ? "" : clusterPage(status, cluster, now)));
    });
  });
}

async function readCluster({ control }: Connection): Promise<ClusterView | string> {
  const options = { timeout: patience };
  try {
    const [{ nodes = [] }, { services = [] }, { tasks = [] }, { secrets = [] }, { configs = [] }] = await Promise.all([
      control.ListNodes({}, options),
      control.ListServices({}, options),
      control.ListTasks({}, options),
      control.ListSecrets({}, options),
      control.ListConfigs({}, options),
    ]);
    const { statuses = [] } = await control.ListServiceStatuses(
      { services: services.map(({ id }) => id ?? "") },
      options,
    );
    return { nodes, services, tasks, statuses, secrets: secrets.length, configs: configs.length };
  } catch (error) {
    if (isSwarmError(error)) return error.message;
    throw error;
  }
}
