// What `node ps` and `service ps` share.
import type { Task, TaskState } from "@mswarm/wire";
import { addFlag, addList, type CliCommand } from "../cli-command.ts";
import type { CliContext, Control } from "../cli-context.ts";
import { parseFilters } from "../control/filters.ts";
import { type OptionValues, UsageError } from "../flags/option-values.ts";
import { formatListing } from "../output/listing.ts";
import { type TaskNames, taskListing, taskRows } from "../output/task-table.ts";

export function addTaskOptions(command: CliCommand): void {
  command.option("--format <format>", '"table", "json" or a template such as "{{.Name}}"');
  addList(command, "-f, --filter <filter>", "id, name, node, service, desired-state");
  addFlag(command, "-q, --quiet", "Only display ids");
  // commander makes `trunc` and `resolve` of these, true where they are absent.
  command.option("--no-trunc", "Do not truncate output").option("--no-resolve", "Do not map ids to names");
}

/** Prints tasks; those of no interest to `--filter` are left out. */
export async function printTasks(
  tasks: readonly Task[],
  flags: OptionValues,
  parts: { readonly control: Control; readonly context: CliContext },
): Promise<void> {
  const { control, context } = parts;
  const known = await taskNames(control);
  const names = flags.flag("resolve") === false ? { services: new Map(), nodes: new Map() } : known;
  const shown = tasks.filter(taskFilter(flags.list("filter"), known));
  const listing = taskListing(context.clock.now(), { isTruncated: flags.flag("trunc") !== false });
  const options = { format: flags.text("format"), isQuiet: flags.flag("quiet") === true };
  context.out(formatListing(taskRows(shown, names), listing, options));
}

export async function taskNames(control: Control): Promise<TaskNames> {
  const [{ services = [] }, { nodes = [] }] = await Promise.all([control.ListServices({}), control.ListNodes({})]);
  return {
    services: new Map(services.map(({ id = "", spec }) => [id, spec?.annotations?.name ?? id])),
    nodes: new Map(nodes.map(({ id = "", description }) => [id, description?.hostname ?? id])),
  };
}

const lastRunning: readonly TaskState[] = [
  "NEW",
  "PENDING",
  "ASSIGNED",
  "ACCEPTED",
  "PREPARING",
  "READY",
  "STARTING",
  "RUNNING",
];

function taskFilter(texts: readonly string[], names: TaskNames): (task: Task) => boolean {
  const filters = parseFilters(texts, ["id", "name", "node", "service", "desired-state"]);
  const [ids, states, nodes] = [filters.get("id"), filters.get("desired-state"), filters.get("node")];
  const services = filters.get("service") ?? filters.get("name");
  for (const state of states ?? []) {
    if (!["running", "shutdown", "accepted", "ready", "remove"].includes(state)) {
      throw new UsageError(`invalid desired-state filter: '${state}'`);
    }
  }
  const matches = (wanted: readonly string[] | undefined, values: readonly string[]): boolean =>
    wanted === undefined || wanted.some((text) => values.some((value) => value === text));
  return (task) => {
    const desired = task.desiredState ?? "NEW";
    const words = [desired.toLowerCase(), lastRunning.includes(desired) ? "running" : "shutdown"];
    return (
      (ids === undefined || ids.some((id) => (task.id ?? "").startsWith(id))) &&
      matches(states, words) &&
      matches(nodes, [task.nodeId ?? "", names.nodes.get(task.nodeId ?? "") ?? ""]) &&
      matches(services, [task.serviceId ?? "", names.services.get(task.serviceId ?? "") ?? ""])
    );
  };
}
