// Changes of the cluster's objects as Docker tells them. Source: engine-api reference 12, moby daemon/events.go.
import { type Clock, type WireTime, wireTimestamp } from "@mswarm/runtime";
import type { Meta, Node, Service, WatchMessage_Event } from "@mswarm/wire";

/** One line of `GET /events`, in the order Docker writes its members. */
export interface DockerEvent {
  readonly Type: string;
  readonly Action: "create" | "update" | "remove";
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly scope: "swarm";
  /** Seconds since the Unix epoch. */
  readonly time: number;
  /** Nanoseconds since the Unix epoch. */
  readonly timeNano: bigint;
}

const actions: Readonly<Record<string, DockerEvent["Action"]>> = {
  WATCH_ACTION_CREATE: "create",
  WATCH_ACTION_UPDATE: "update",
  WATCH_ACTION_REMOVE: "remove",
};

interface Described {
  readonly type: string;
  readonly id: string;
  readonly meta: Meta;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Undefined for kinds that have no events: tasks have none, their containers do. */
export function dockerEvent(event: WatchMessage_Event, clock: Clock): DockerEvent | undefined {
  const action = actions[event.action ?? ""];
  const object = described(event);
  if (action === undefined || object === undefined) return undefined;
  const time = timeOf(object.meta, action, clock);
  return {
    Type: object.type,
    Action: action,
    Actor: { ID: object.id, Attributes: object.attributes },
    scope: "swarm",
    time: Number(time.seconds),
    timeNano: BigInt(time.seconds ?? "0") * 1_000_000_000n + BigInt(time.nanos ?? 0),
  };
}

function timeOf(meta: Meta, action: DockerEvent["Action"], clock: Clock): WireTime {
  const now = (): WireTime => wireTimestamp(clock.now());
  if (action === "remove") return now();
  return (action === "create" ? meta.createdAt : meta.updatedAt) ?? now();
}

function described({ object = {}, oldObject }: WatchMessage_Event): Described | undefined {
  const { node, service, network, secret, config } = object;
  if (node !== undefined && node !== null) {
    const name = node.spec?.annotations?.name || node.description?.hostname || "";
    const changes = oldObject?.node ? nodeChanges(node, oldObject.node) : {};
    return { type: "node", id: node.id ?? "", meta: node.meta ?? {}, attributes: sorted({ name, ...changes }) };
  }
  if (service !== undefined && service !== null) {
    const name = service.spec?.annotations?.name ?? "";
    const changes = oldObject?.service ? serviceChanges(service, oldObject.service) : {};
    return {
      type: "service",
      id: service.id ?? "",
      meta: service.meta ?? {},
      attributes: sorted({ name, ...changes }),
    };
  }
  for (const [type, named] of Object.entries({ network, secret, config })) {
    if (named === undefined || named === null) continue;
    const attributes = { name: named.spec?.annotations?.name ?? "" };
    return { type, id: named.id ?? "", meta: named.meta ?? {}, attributes };
  }
  return undefined;
}

/** Go writes the keys of a map in their order. */
const sorted = (attributes: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)));

/** `key.old` and `key.new` where the two differ. */
function change(key: string, before: string, now: string): Readonly<Record<string, string>> {
  return before === now ? {} : { [`${key}.old`]: before.toLowerCase(), [`${key}.new`]: now.toLowerCase() };
}

function nodeChanges(now: Node, before: Node): Readonly<Record<string, string>> {
  const [manager, former] = [now.managerStatus, before.managerStatus];
  return {
    ...change("availability", before.spec?.availability ?? "ACTIVE", now.spec?.availability ?? "ACTIVE"),
    ...change("role", before.role ?? "WORKER", now.role ?? "WORKER"),
    ...change("state", before.status?.state ?? "UNKNOWN", now.status?.state ?? "UNKNOWN"),
    ...(manager && former
      ? {
          ...change("leader", String(former.leader ?? false), String(manager.leader ?? false)),
          ...change("reachability", former.reachability ?? "UNKNOWN", manager.reachability ?? "UNKNOWN"),
        }
      : {}),
  };
}

function serviceChanges(now: Service, before: Service): Readonly<Record<string, string>> {
  const images = [before, now].map(({ spec }) => spec?.task?.container?.image);
  const replicas = [before, now].map(({ spec }) => (spec?.replicated ? (spec.replicated.replicas ?? "0") : undefined));
  const [oldImage, newImage] = images;
  const [oldReplicas, newReplicas] = replicas;
  return {
    // An image's name keeps its case.
    ...(oldImage !== undefined && newImage !== undefined && oldImage !== newImage
      ? { "image.old": oldImage, "image.new": newImage }
      : {}),
    ...(oldReplicas !== undefined && newReplicas !== undefined ? change("replicas", oldReplicas, newReplicas) : {}),
    ...updateChange(now, before),
  };
}

function updateChange({ updateStatus: now }: Service, { updateStatus: before }: Service): Record<string, string> {
  if (!now) return {};
  const state = now.state ?? "UNKNOWN";
  return before ? change("updatestate", before.state ?? "UNKNOWN", state) : { "updatestate.new": state.toLowerCase() };
}
