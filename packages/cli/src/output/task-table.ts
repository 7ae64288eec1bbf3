// Tasks of services and nodes. Source: docker/cli command/task/print.go and formatter.go.
import { type Instant, timestampOf } from "@mswarm/runtime";
import type { PortConfig, Task } from "@mswarm/wire";
import { ago } from "./human-time.ts";
import type { Listing } from "./listing.ts";
import { shortId, taskName, titleCase } from "./task-names.ts";

export interface TaskNames {
  /** Names by id; an id that is missing is shown itself. */
  readonly services: ReadonlyMap<string, string>;
  readonly nodes: ReadonlyMap<string, string>;
}

export interface TaskRow {
  readonly task: Task;
  /** With ` \_ ` in front of an earlier task of the same slot. */
  readonly name: string;
  readonly node: string;
}

const errorMax = 30;

/** Newest first within a slot, slots in order. */
export function taskRows(tasks: readonly Task[], names: TaskNames): readonly TaskRow[] {
  const named = tasks.map((task) => ({
    task,
    name: taskName(task, names.services.get(task.serviceId ?? "")),
    node: names.nodes.get(task.nodeId ?? "") ?? task.nodeId ?? "",
  }));
  const created = ({ task }: { task: Task }): number => timestampOf(task.meta?.createdAt) ?? 0;
  named.sort((a, b) => naturalOrder(a.name, b.name) || created(b) - created(a));
  return named.map((row, index) => (row.name === named[index - 1]?.name ? { ...row, name: ` \\_ ${row.name}` } : row));
}

const collator = new Intl.Collator("en", { numeric: true });
/** `web.2` before `web.10`. */
export const naturalOrder = (a: string, b: string): number => collator.compare(a, b);

/** @param options.isTruncated  false for `--no-trunc` */
export function taskListing(now: Instant, options: { readonly isTruncated: boolean }): Listing<TaskRow> {
  const { isTruncated } = options;
  const id = (row: TaskRow): string => (isTruncated ? shortId(row.task.id) : (row.task.id ?? ""));
  return {
    id,
    columns: [
      { header: "ID", field: "ID", cell: id },
      { header: "NAME", field: "Name", cell: (row) => row.name },
      { header: "IMAGE", field: "Image", cell: ({ task }) => imageOf(task, isTruncated) },
      { header: "NODE", field: "Node", cell: (row) => row.node },
      { header: "DESIRED STATE", field: "DesiredState", cell: ({ task }) => titleCase(task.desiredState ?? "NEW") },
      { header: "CURRENT STATE", field: "CurrentState", cell: ({ task }) => currentState(task, now) },
      { header: "ERROR", field: "Error", cell: ({ task }) => errorOf(task, isTruncated) },
      { header: "PORTS", field: "Ports", cell: ({ task }) => portsOf(task.status?.portStatus?.ports ?? []) },
    ],
  };
}

function currentState(task: Task, now: Instant): string {
  const since = ago(timestampOf(task.status?.timestamp), now).toLowerCase();
  return `${titleCase(task.status?.state ?? "NEW")} ${since}`.trim();
}

/** Without the digest where a tag says enough. */
export function imageName(image: string, isTruncated: boolean): string {
  const [name = "", digest] = image.split("@");
  const hasTag = /:[^/]+$/.test(name);
  return isTruncated && digest !== undefined && hasTag ? name : image;
}

const imageOf = (task: Task, isTruncated: boolean): string => imageName(task.spec?.container?.image ?? "", isTruncated);

function errorOf(task: Task, isTruncated: boolean): string {
  const error = task.status?.err ?? "";
  const shown = isTruncated && error.length > errorMax ? `${error.slice(0, errorMax - 1)}…` : error;
  return shown === "" ? "" : JSON.stringify(shown);
}

/** Ports as they are really bound, `*:8080->80/tcp`. */
export function portsOf(ports: readonly PortConfig[]): string {
  return ports
    .map((port) => `*:${port.publishedPort ?? 0}->${port.targetPort ?? 0}/${(port.protocol ?? "TCP").toLowerCase()}`)
    .join(",");
}
