// `node inspect --pretty`, in docker's layout.
import type { Node, PluginDescription } from "@mswarm/wire";
import { formatBytes } from "../flags/quantities.ts";
import { prettyTime } from "./pretty-time.ts";
import { titleCase } from "./task-names.ts";

export function prettyNode(node: Node): string {
  const { spec, description, status, managerStatus } = node;
  const { platform, resources, engine, tlsInfo } = description ?? {};
  const lines = [
    `ID:\t\t\t${node.id ?? ""}`,
    ...(spec?.annotations?.name ? [`Name:\t\t\t${spec.annotations.name}`] : []),
    ...labelLines(spec?.annotations?.labels),
    `Hostname:              \t${description?.hostname ?? ""}`,
    `Joined at:             \t${prettyTime(node.meta?.createdAt)}`,
    "Status:",
    ` State:\t\t\t${titleCase(status?.state ?? "UNKNOWN")}`,
    ...(status?.message ? [` Message:\t\t${titleCase(status.message)}`] : []),
    ` Availability:         \t${titleCase(spec?.availability ?? "ACTIVE")}`,
    ...(status?.addr ? [` Address:\t\t${status.addr}`] : []),
  ];
  if (managerStatus !== undefined) {
    lines.push(
      "Manager Status:",
      ` Address:\t\t${managerStatus.addr ?? ""}`,
      ` Raft Status:\t\t${titleCase(managerStatus.reachability ?? "UNKNOWN")}`,
      ` Leader:\t\t${managerStatus.leader === true ? "Yes" : "No"}`,
    );
  }
  lines.push(
    "Platform:",
    ` Operating System:\t${platform?.os ?? ""}`,
    ` Architecture:\t\t${platform?.architecture ?? ""}`,
    "Resources:",
    ` CPUs:\t\t\t${Math.trunc(Number(resources?.nanoCpus ?? "0") / 1e9)}`,
    ` Memory:\t\t${formatBytes(Number(resources?.memoryBytes ?? "0"))}`,
    ...pluginLines(engine?.plugins ?? []),
    `Engine Version:\t\t${engine?.engineVersion ?? ""}`,
    ...labelLines(engine?.labels, "Engine Labels:"),
  );
  if (tlsInfo !== undefined) {
    lines.push(
      "TLS Info:",
      ` TrustRoot:\n${tlsInfo.trustRoot?.toString("utf8") ?? ""}`,
      ` Issuer Subject:\t${tlsInfo.certIssuerSubject?.toString("base64") ?? ""}`,
      ` Issuer Public Key:\t${tlsInfo.certIssuerPublicKey?.toString("base64") ?? ""}`,
    );
  }
  return `${lines.join("\n")}\n`;
}

function labelLines(labels: Readonly<Record<string, string>> | undefined, title = "Labels:"): string[] {
  const entries = Object.entries(labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 0
    ? []
    : [title, ...entries.map(([key, value]) => ` - ${key}${value === "" ? "" : `=${value}`}`)];
}

function pluginLines(plugins: readonly PluginDescription[]): string[] {
  const kinds = ["Log", "Network", "Volume"].flatMap((kind) => {
    const names = plugins.filter(({ type }) => type === kind).map(({ name }) => name ?? "");
    return names.length === 0 ? [] : [` ${kind}:\t\t${names.join(", ")}`];
  });
  return kinds.length === 0 ? [] : ["Plugins:", ...kinds];
}
