import { X509Certificate } from "node:crypto";
import { dateOf, type Instant, instantOf } from "@mswarm/runtime";
import type { Node, NodeRole } from "@mswarm/wire";
import { addFlag, addList, type CliCommand, optionsOf, withConnection } from "../cli-command.ts";
import type { CliContext } from "../cli-context.ts";
import { labelFilter, parseFilters } from "../control/filters.ts";
import { formatListing, type Listing } from "../output/listing.ts";
import { titleCase } from "../output/task-names.ts";
import { naturalOrder } from "../output/task-table.ts";

export function addNodeLs(parent: CliCommand, context: CliContext): void {
  const command = parent.command("ls").alias("list").description("List nodes");
  command.option("--format <format>", '"table", "json" or a template such as "{{.Hostname}}"');
  addList(command, "-f, --filter <filter>", "id, name, label, node.label, role, membership");
  addFlag(command, "-q, --quiet", "Only display ids");
  command.action(async () => {
    const flags = optionsOf(command);
    const filters = nodeFilters(flags.list("filter"));
    await withConnection(command, context, async ({ control, daemon }) => {
      const [{ nodes = [] }, { nodeId }] = await Promise.all([control.ListNodes({ filters }), daemon.Status({})]);
      const options = { format: flags.text("format"), isQuiet: flags.flag("quiet") === true };
      context.out(formatListing(sortedNodes(nodes), nodeListing(nodeId), options));
    });
  });
}

export const sortedNodes = (nodes: readonly Node[]): readonly Node[] =>
  [...nodes].sort((a, b) => naturalOrder(a.description?.hostname ?? "", b.description?.hostname ?? ""));

/** @param selfId  the node whose daemon answers; it is marked */
export function nodeListing(selfId: string | undefined): Listing<Node> {
  const isSelf = (node: Node): boolean => node.id !== undefined && node.id === selfId;
  return {
    id: (node) => node.id ?? "",
    columns: [
      {
        header: "ID",
        field: "ID",
        cell: (node) => `${node.id ?? ""} ${isSelf(node) ? "*" : " "}`,
        json: (node) => node.id ?? "",
      },
      { header: "HOSTNAME", field: "Hostname", cell: (node) => node.description?.hostname ?? "" },
      { header: "STATUS", field: "Status", cell: (node) => titleCase(node.status?.state ?? "UNKNOWN") },
      { header: "AVAILABILITY", field: "Availability", cell: (node) => titleCase(node.spec?.availability ?? "ACTIVE") },
      { header: "MANAGER STATUS", field: "ManagerStatus", cell: managerStatus },
      {
        header: "ENGINE VERSION",
        field: "EngineVersion",
        cell: (node) => node.description?.engine?.engineVersion ?? "",
      },
    ],
    more: [
      { field: "Self", cell: (node) => String(isSelf(node)), json: isSelf },
      { field: "Role", cell: (node) => (node.role ?? "WORKER").toLowerCase() },
      { field: "CertificateExpires", cell: (node) => isoTime(certificateExpiry(node)) },
    ],
  };
}

export function managerStatus(node: Node): string {
  const { managerStatus: status } = node;
  if (status === undefined) return "";
  return status.leader === true ? "Leader" : titleCase(status.reachability ?? "UNKNOWN");
}

/** When the certificate that the manager issued last ends; undefined while there is none that can be read. */
export function certificateExpiry(node: Node): Instant | undefined {
  const pem = node.certificate?.certificate ?? Buffer.alloc(0);
  if (pem.length === 0) return undefined;
  try {
    // The runtime's own reader: @mswarm/pki would cost every command a quarter of a second.
    return instantOf(new X509Certificate(pem).validToDate);
  } catch {
    return undefined;
  }
}

const isoTime = (instant: Instant | undefined): string => (instant === undefined ? "" : dateOf(instant).toISOString());

const roles: Readonly<Record<string, NodeRole>> = { worker: "WORKER", manager: "MANAGER" };

function nodeFilters(texts: readonly string[]): object {
  const filters = parseFilters(texts, ["id", "name", "label", "node.label", "role", "membership"]);
  return {
    idPrefixes: [...(filters.get("id") ?? [])],
    namePrefixes: [...(filters.get("name") ?? [])],
    labels: labelFilter(filters.get("label")),
    nodeLabels: labelFilter(filters.get("node.label")),
    roles: (filters.get("role") ?? []).flatMap((word) => roles[word] ?? []),
    memberships: (filters.get("membership") ?? []).map((word) => (word === "pending" ? "PENDING" : "ACCEPTED")),
  };
}
