// Which changes a Watch request asks for. Source: swarmkit protobuf/plugin/storeobject, ConvertWatchArgs.
import { invalidArgument } from "@mswarm/runtime";
import {
  allTables,
  type Change,
  changesOf,
  configsOf,
  networksOf,
  networksOfTask,
  nodes,
  resources,
  secretsOf,
  services,
  tasks,
} from "@mswarm/store";
import type { Annotations, Node, SelectBy, SelectByCustom, Service, Task, WatchRequest_WatchEntry } from "@mswarm/wire";

type Selector = (change: Change) => boolean;

/** Errors: INVALID_ARGUMENT. */
export function selectorOf(entries: readonly WatchRequest_WatchEntry[]): Selector {
  const selectors = entries.map(entrySelector);
  return (change) => selectors.some((isSelected) => isSelected(change));
}

const tableNames: ReadonlySet<string> = new Set(allTables.map((table) => table.name));

function entrySelector({ kind = "", action, filters = [] }: WatchRequest_WatchEntry): Selector {
  if (kind === "") throw invalidArgument("no kind of object specified");
  const kinds = changeKinds(action);
  // Any other kind is one that an extension defined.
  const isOfKind: Selector = tableNames.has(kind)
    ? ({ table }) => table.name === kind
    : (change) => changesOf([change], resources).some(({ object }) => object.kind === kind);
  return (change) => {
    if (!kinds.has(change.kind) || !isOfKind(change)) return false;
    const object = describe(change);
    return filters.every((filter) => meets(filter, object));
  };
}

const actionBits = { create: 1, update: 2, remove: 4 } as const satisfies Record<Change["kind"], number>;
const actionNumbers: Readonly<Record<string, number>> = {
  WATCH_ACTION_CREATE: 1,
  WATCH_ACTION_UPDATE: 2,
  WATCH_ACTION_REMOVE: 4,
};

/** The field is an enum by name and a set of bits by use: several bits have no word and arrive as their number. */
function changeKinds(action: unknown): ReadonlySet<Change["kind"]> {
  const bits = typeof action === "number" ? action : (actionNumbers[String(action)] ?? 0);
  const kinds = (["create", "update", "remove"] as const).filter((kind) => (bits & actionBits[kind]) !== 0);
  if (kinds.length === 0) throw invalidArgument("unrecognized action");
  return new Set(kinds);
}

/** What filters can ask of an object; undefined where its kind has no such property. */
interface Description {
  readonly id: string;
  readonly name: string;
  readonly annotations: Annotations | undefined;
  readonly kind?: string;
  readonly node?: Node;
  readonly service?: Service;
  readonly task?: Task;
}

function describe(change: Change): Description {
  const { object, table } = change;
  const id = object.id ?? "";
  const [node] = changesOf([change], nodes);
  const [service] = changesOf([change], services);
  const [task] = changesOf([change], tasks);
  const [resource] = changesOf([change], resources);
  const annotations =
    "annotations" in object
      ? object.annotations
      : "spec" in object && object.spec !== undefined && "annotations" in object.spec
        ? object.spec.annotations
        : undefined;
  return {
    id,
    name: node?.object.description?.hostname ?? table.uniqueName(object) ?? annotations?.name ?? "",
    annotations,
    ...(node === undefined ? {} : { node: node.object }),
    ...(service === undefined ? {} : { service: service.object }),
    ...(task === undefined ? {} : { task: task.object }),
    ...(resource === undefined ? {} : { kind: resource.object.kind ?? "" }),
  };
}

type Wanted = { readonly [K in Exclude<keyof SelectBy, "By">]-?: NonNullable<SelectBy[K]> };
type Criteria = { readonly [K in keyof Wanted]: (wanted: Wanted[K], object: Description) => boolean };

const criteria: Criteria = {
  id: (id, object) => object.id === id,
  idPrefix: (prefix, object) => object.id.startsWith(prefix),
  name: (name, object) => object.name === name,
  namePrefix: (prefix, object) => object.name.startsWith(prefix),
  custom: (custom, object) => hasIndex(object, custom, (value, wanted) => value === wanted),
  customPrefix: (custom, object) => hasIndex(object, custom, (value, wanted) => value.startsWith(wanted)),
  serviceId: (id, { task }) => (task?.serviceId ?? "") === id,
  nodeId: (id, { task }) => (task?.nodeId ?? "") === id,
  slot: ({ serviceId = "", slot = "0" }, { task }) =>
    (task?.serviceId ?? "") === serviceId && (task?.slot ?? "0") === slot,
  desiredState: (state, { task }) => (task?.desiredState ?? "NEW") === state,
  role: (role, { node }) => (node?.role ?? "WORKER") === role,
  membership: (membership, { node }) => (node?.spec?.membership ?? "PENDING") === membership,
  referencedNetworkId: (id, { service, task }) =>
    networksOf(service?.spec).includes(id) || (task !== undefined && networksOfTask(task).includes(id)),
  referencedSecretId: (id, { service, task }) => secretsOf(specOf(service, task)).includes(id),
  referencedConfigId: (id, { service, task }) => configsOf(specOf(service, task)).includes(id),
  kind: (kind, object) => object.kind === kind,
};

const specOf = (service: Service | undefined, task: Task | undefined): Task["spec"] =>
  service?.spec?.task ?? task?.spec;

function hasIndex(
  { annotations }: Description,
  { index = "", value = "" }: SelectByCustom,
  compare: (value: string, wanted: string) => boolean,
): boolean {
  return (annotations?.indices ?? []).some((entry) => entry.key === index && compare(entry.val ?? "", value));
}

/** A filter has one member, by its name; one without any is met. */
function meets(filter: SelectBy, object: Description): boolean {
  return (Object.keys(criteria) as (keyof Criteria)[]).every((name) => meetsOne(name, filter, object));
}

function meetsOne<K extends keyof Wanted>(name: K, filter: Partial<Wanted>, object: Description): boolean {
  const wanted = filter[name];
  return wanted === undefined || criteria[name](wanted, object);
}
