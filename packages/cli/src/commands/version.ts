import { isSwarmError } from "@mswarm/runtime";
import { valueOfJson } from "@mswarm/template";
import { type CliCommand, optionsOf, withConnection } from "../cli-command.ts";
import type { CliContext } from "../cli-context.ts";
import { formatTemplate } from "../output/format-template.ts";
import { version } from "../version.ts";

interface ServerVersion {
  readonly Version: string;
  readonly Engine: string;
}
interface Versions {
  readonly Client: { readonly Version: string; readonly NodeVersion: string; readonly Platform: string };
  /** Absent: no daemon answers. */
  readonly Server?: ServerVersion;
}

export function addVersion(parent: CliCommand, context: CliContext): void {
  const command = parent.command("version").description("Show the versions of this program and of the daemon");
  command.option("-f, --format <format>", '"json" or a template such as "{{.Server.Version}}"');
  command.action(async () => {
    const format = optionsOf(command).text("format");
    const fill = format === undefined || format === "json" ? undefined : formatTemplate(format);
    const { server, failure } = await serverVersion(command, context);
    const client = {
      Version: version,
      NodeVersion: process.versions.node,
      Platform: `${process.platform}/${process.arch}`,
    };
    const versions: Versions = { Client: client, ...(server === undefined ? {} : { Server: server }) };
    if (fill !== undefined) context.out(`${fill(valueOfJson(versions))}\n`);
    else context.out(format === "json" ? `${JSON.stringify(versions)}\n` : page(versions));
    if (failure !== undefined) throw failure;
  });
}

async function serverVersion(
  command: CliCommand,
  context: CliContext,
): Promise<{ readonly server?: ServerVersion; readonly failure?: Error }> {
  try {
    const status = await withConnection(command, context, ({ daemon }) => daemon.Status({}));
    return { server: { Version: status.version ?? "", Engine: status.engine ?? "" } };
  } catch (failure) {
    if (!isSwarmError(failure)) throw failure;
    return { failure };
  }
}

function page({ Client, Server }: Versions): string {
  const section = (title: string, rows: Readonly<Record<string, string>>): string =>
    `${title}:\n${Object.entries(rows)
      .map(([name, value]) => ` ${`${name}:`.padEnd(18)}${value}\n`)
      .join("")}`;
  const client = section("Client", {
    Version: Client.Version,
    "Node version": Client.NodeVersion,
    Platform: Client.Platform,
  });
  return Server === undefined
    ? client
    : `${client}\n${section("Server", { Version: Server.Version, Engine: Server.Engine })}`;
}
