import { isSwarmError } from "@mswarm/runtime";
import { addFlag, addList, type CliCommand, optionsOf, socketPathOf, withConnection } from "../cli-command.ts";
import type { CliContext, Connection } from "../cli-context.ts";
import { changeCluster, clusterOf } from "../control/cluster.ts";
import { addClusterSettings, clusterChange } from "../control/cluster-settings.ts";
import type { OptionValues } from "../flags/option-values.ts";
import { notAvailable } from "../local-failure.ts";
import { joinAdvice } from "../output/join-advice.ts";
import { parseAvailability } from "./availability.ts";

export function addInit(parent: CliCommand, context: CliContext): void {
  const command = parent.command("init").description("Start a cluster with this node as its first manager");
  command
    .option("--advertise-addr <address>", "Address that other nodes dial: IP address or interface, optional port")
    .option("--listen-addr <address>", "Address to listen on: IP address or interface, optional port", "0.0.0.0:2377")
    .option("--availability <word>", 'Availability of the node ("active", "pause", "drain")', "active")
    .option("--data-path-addr <address>", "Address or interface of overlay networks")
    .option("--data-path-port <port>", "Port of overlay networks")
    .option("--default-addr-pool-mask-length <bits>", "Size of the networks taken out of the pools")
    .option("--format <format>", '"json" for {"NodeID": …}');
  addList(command, "--default-addr-pool <cidr>", "Addresses for networks");
  addFlag(command, "--autolock", "Lock managers with an unlock key");
  addFlag(command, "--force-new-cluster", "Start a cluster of one from the present state");
  addClusterSettings(command);
  command.action(async () => {
    const flags = optionsOf(command);
    refuseLater(flags);
    const availability = parseAvailability(flags) ?? "active";
    const change = clusterChange(flags);
    await startDaemonIfNeeded(command, context);
    await withConnection(command, context, async (connection) => {
      const { nodeId = "" } = await connection.daemon.Init({
        listenAddr: flags.text("listenAddr") ?? "",
        advertiseAddr: flags.text("advertiseAddr") ?? "",
        availability,
      });
      if (change !== undefined) await changeCluster(connection.control, change);
      await report(nodeId, connection, context, flags);
    });
  });
}

async function report(nodeId: string, connection: Connection, context: CliContext, flags: OptionValues): Promise<void> {
  if (flags.text("format") === "json") return context.out(`${JSON.stringify({ NodeID: nodeId })}\n`);
  const cluster = await clusterOf(connection.control);
  const { advertiseAddr = "" } = await connection.daemon.Status({});
  const token = cluster.rootCa?.joinTokens?.worker ?? "";
  context.out(
    `Swarm initialized: current node (${nodeId}) is now a manager.\n\n${joinAdvice({ role: "worker", token, address: advertiseAddr })}` +
      "To add a manager to this swarm, run 'mswarm join-token manager' and follow the instructions.\n\n",
  );
}

function refuseLater(flags: OptionValues): void {
  if (flags.flag("autolock") === true) throw notAvailable("locked managers (--autolock) are not available yet");
  if (flags.flag("forceNewCluster") === true) throw notAvailable("--force-new-cluster is not available yet");
  const network = ["dataPathAddr", "dataPathPort", "defaultAddrPoolMaskLength"].some(
    (name) => flags.text(name) !== undefined,
  );
  if (network || flags.list("defaultAddrPool").length > 0) {
    throw notAvailable("overlay networks (--data-path-*, --default-addr-pool*) are not available yet");
  }
}

/** `init` and `join` are often the first commands on a machine: they bring the daemon with them, and say so. */
export async function startDaemonIfNeeded(command: CliCommand, context: CliContext): Promise<void> {
  try {
    await withConnection(command, context, async () => undefined);
  } catch (error) {
    if (!isSwarmError(error, "UNAVAILABLE")) throw error;
    const path = socketPathOf(command, context);
    context.err(`No daemon answers at unix://${path}; starting one in the background.\n`);
    await context.startDaemon(path);
  }
}
