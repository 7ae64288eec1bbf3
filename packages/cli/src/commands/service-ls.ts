import type { ListServiceStatusesResponse_ServiceStatus, Service } from "@mswarm/wire";
import { addFlag, addList, type CliCommand, optionsOf, withConnection } from "../cli-command.ts";
import type { CliContext } from "../cli-context.ts";
import { labelFilter, parseFilters } from "../control/filters.ts";
import { formatListing, type Listing } from "../output/listing.ts";
import { shortId } from "../output/task-names.ts";
import { imageName, naturalOrder, portsOf } from "../output/task-table.ts";

export interface ServiceRow {
  readonly service: Service;
  readonly status: ListServiceStatusesResponse_ServiceStatus | undefined;
}

export function addServiceLs(parent: CliCommand, context: CliContext): void {
  const command = parent.command("ls").alias("list").description("List services");
  command.option("--format <format>", '"table", "json" or a template such as "{{.Name}}"');
  addList(command, "-f, --filter <filter>", "id, name, label, mode");
  addFlag(command, "-q, --quiet", "Only display ids");
  command.action(async () => {
    const flags = optionsOf(command);
    const filters = parseFilters(flags.list("filter"), ["id", "name", "label", "mode"]);
    await withConnection(command, context, async ({ control }) => {
      const { services = [] } = await control.ListServices({
        filters: {
          idPrefixes: [...(filters.get("id") ?? [])],
          namePrefixes: [...(filters.get("name") ?? [])],
          labels: labelFilter(filters.get("label")),
        },
      });
      const modes = filters.get("mode");
      const wanted = services.filter((service) => modes === undefined || modes.includes(modeOf(service)));
      const { statuses = [] } = await control.ListServiceStatuses({ services: wanted.map(({ id }) => id ?? "") });
      const options = { format: flags.text("format"), isQuiet: flags.flag("quiet") === true };
      context.out(formatListing(serviceRows(wanted, statuses), serviceListing, options));
    });
  });
}

/** By name. */
export function serviceRows(
  services: readonly Service[],
  statuses: readonly ListServiceStatusesResponse_ServiceStatus[],
): readonly ServiceRow[] {
  return services
    .map((service) => ({ service, status: statuses.find(({ serviceId }) => serviceId === service.id) }))
    .sort((a, b) => naturalOrder(nameOf(a.service), nameOf(b.service)));
}

const nameOf = (service: Service): string => service.spec?.annotations?.name ?? "";

export function modeOf({ spec }: Service): string {
  if (spec?.global !== undefined) return "global";
  if (spec?.globalJob !== undefined) return "global-job";
  return spec?.replicatedJob === undefined ? "replicated" : "replicated-job";
}

function replicasOf({ service, status }: ServiceRow): string {
  const maxReplicas = service.spec?.task?.placement?.maxReplicas ?? "0";
  const limit = maxReplicas === "0" ? "" : ` (max ${maxReplicas} per node)`;
  const count = `${status?.runningTasks ?? "0"}/${status?.desiredTasks ?? "0"}`;
  const { replicatedJob, globalJob } = service.spec ?? {};
  if (replicatedJob === undefined && globalJob === undefined) return `${count}${limit}`;
  const completed = status?.completedTasks ?? "0";
  // On a node that has completed the job nothing more is wanted: all nodes are those two together.
  const total = replicatedJob?.totalCompletions ?? String(Number(status?.desiredTasks ?? "0") + Number(completed));
  return `${count} (${completed}/${total} completed)`;
}

/** Ports of the routing mesh; those of host mode belong to tasks. */
const meshPorts = ({ service }: ServiceRow): string =>
  portsOf((service.endpoint?.ports ?? []).filter(({ publishMode }) => (publishMode ?? "INGRESS") === "INGRESS"));

export const serviceListing: Listing<ServiceRow> = {
  id: ({ service }) => shortId(service.id),
  columns: [
    { header: "ID", field: "ID", cell: ({ service }) => shortId(service.id) },
    { header: "NAME", field: "Name", cell: ({ service }) => nameOf(service) },
    { header: "MODE", field: "Mode", cell: ({ service }) => modeOf(service).replace("-", " ") },
    { header: "REPLICAS", field: "Replicas", cell: replicasOf },
    {
      header: "IMAGE",
      field: "Image",
      cell: ({ service }) => imageName(service.spec?.task?.container?.image ?? "", true),
    },
    { header: "PORTS", field: "Ports", cell: meshPorts },
  ],
};
