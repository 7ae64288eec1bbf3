// All tables of the replicated state with their indexes.
// Source: swarmkit manager/state/store/*.go (one file per table there).
import type { Cluster, Config, Extension, Network, Node, Resource, Secret, Service, Task, Volume } from "@mswarm/wire";
import { configsOf, configsOfService, networksOf, networksOfTask, secretsOf, secretsOfService } from "./references.ts";
import { defineTable, foldName, type StoredObject, type Table } from "./table.ts";

export const nodes: Table<Node> = defineTable<Node>({
  name: "node",
  indexes: {
    role: (node) => node.role ?? "WORKER",
    membership: (node) => node.spec?.membership ?? "PENDING",
    hostname: (node) => (node.description === undefined ? undefined : foldName(node.description.hostname ?? "")),
  },
});

export const services: Table<Service> = defineTable<Service>({
  name: "service",
  uniqueName: (service) => service.spec?.annotations?.name ?? "",
  indexes: {
    secret: secretsOfService,
    config: configsOfService,
    network: (service) => networksOf(service.spec),
  },
});

export const tasks: Table<Task> = defineTable<Task>({
  name: "task",
  indexes: {
    service: (task) => task.serviceId ?? "",
    node: (task) => task.nodeId ?? "",
    slot: (task) => `${task.serviceId ?? ""}/${task.slot ?? "0"}`,
    "node-slot": (task) => `${task.serviceId ?? ""}/${task.nodeId ?? ""}`,
    secret: (task) => secretsOf(task.spec),
    config: (task) => configsOf(task.spec),
    network: networksOfTask,
    desiredState: (task) => task.desiredState ?? "NEW",
    state: (task) => task.status?.state ?? "NEW",
  },
});

export const networks: Table<Network> = defineTable<Network>({
  name: "network",
  uniqueName: (network) => network.spec?.annotations?.name ?? "",
});

export const clusters: Table<Cluster> = defineTable<Cluster>({
  name: "cluster",
  uniqueName: (cluster) => cluster.spec?.annotations?.name ?? "",
});

export const secrets: Table<Secret> = defineTable<Secret>({
  name: "secret",
  uniqueName: (secret) => secret.spec?.annotations?.name ?? "",
});

export const configs: Table<Config> = defineTable<Config>({
  name: "config",
  uniqueName: (config) => config.spec?.annotations?.name ?? "",
});

export const extensions: Table<Extension> = defineTable<Extension>({
  name: "extension",
  uniqueName: (extension) => extension.annotations?.name ?? "",
});

/** Names are unique over all kinds, as in SwarmKit. */
export const resources: Table<Resource> = defineTable<Resource>({
  name: "resource",
  uniqueName: (resource) => resource.annotations?.name ?? "",
  indexes: { kind: (resource) => resource.kind ?? "" },
});

/** Docker's cluster volumes: kept for managers that use them, not used by us. */
export const volumes: Table<Volume> = defineTable<Volume>({
  name: "volume",
  uniqueName: (volume) => volume.spec?.annotations?.name ?? "",
});

/** Extensions stand before resources, so that a restore finds the kinds of its resources. */
export const allTables: readonly Table<StoredObject>[] = [
  nodes,
  services,
  tasks,
  networks,
  clusters,
  secrets,
  configs,
  extensions,
  resources,
  volumes,
];
