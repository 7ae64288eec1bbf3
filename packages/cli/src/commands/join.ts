import { type CliCommand, optionsOf, withConnection } from "../cli-command.ts";
import type { CliContext } from "../cli-context.ts";
import { type OptionValues, UsageError } from "../flags/option-values.ts";
import { notAvailable } from "../local-failure.ts";
import { parseAvailability } from "./availability.ts";
import { startDaemonIfNeeded } from "./init.ts";

export function addJoin(parent: CliCommand, context: CliContext): void {
  const command = parent
    .command("join")
    .description("Join a cluster; the token decides whether as a worker or a manager");
  command
    .argument("<addresses...>", "Managers to ask, HOST[:PORT]; port 2377 where missing")
    .option("--token <token>", 'Join token; "-" reads it from standard input')
    .option("--token-file <path>", "File that holds the join token")
    .option("--advertise-addr <address>", "Address that other nodes dial: IP address or interface, optional port")
    .option("--listen-addr <address>", "Address to listen on: IP address or interface, optional port", "0.0.0.0:2377")
    .option("--availability <word>", 'Availability of the node ("active", "pause", "drain")', "active")
    .option("--data-path-addr <address>", "Address or interface of overlay networks")
    .option("--format <format>", '"json" for {"NodeID": …, "Role": …}');
  command.action(async (remoteAddrs: string[]) => {
    const flags = optionsOf(command);
    if (flags.text("dataPathAddr") !== undefined) {
      throw notAvailable("overlay networks (--data-path-addr) are not available yet");
    }
    const availability = parseAvailability(flags) ?? "active";
    const joinToken = await tokenOf(flags, context);
    await startDaemonIfNeeded(command, context);
    await withConnection(command, context, async ({ daemon }) => {
      const { nodeId = "", isManager = false } = await daemon.Join({
        listenAddr: flags.text("listenAddr") ?? "",
        advertiseAddr: flags.text("advertiseAddr") ?? "",
        availability,
        joinToken,
        remoteAddrs,
      });
      const role = isManager ? "manager" : "worker";
      context.out(
        flags.text("format") === "json"
          ? `${JSON.stringify({ NodeID: nodeId, Role: role })}\n`
          : `This node joined a swarm as a ${role}.\n`,
      );
    });
  });
}

/** Never repeated in a message. Errors: UsageError when there is none. */
async function tokenOf(flags: OptionValues, context: CliContext): Promise<string> {
  const [text, path] = [flags.text("token"), flags.text("tokenFile")];
  if (path !== undefined) return (await context.readFile(path)).toString("utf8").trim();
  if (text === "-") return (await context.readInput()).toString("utf8").trim();
  if (text === undefined || text === "") {
    throw new UsageError("a join token is needed: --token TOKEN, as 'mswarm join-token worker' shows it on a manager");
  }
  return text;
}
