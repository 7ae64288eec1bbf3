// What an answer may show of objects that hold secrets. Source: wire reference 9.4.
import { clusters, type StoredObject, secrets, services, type Table, tasks } from "@mswarm/store";
import type { Cluster, ClusterSpec, RootCA, Secret, Service, ServiceSpec, Task, TaskSpec } from "@mswarm/wire";

// For display only; source: swarmkit manager/controlapi/cluster.go.
const builtInAddressPool = ["10.0.0.0/8"];
const builtInSubnetSize = 24;
const defaultVxlanPort = 4789;

/** The secret without its data. */
export function redactedSecret(secret: Secret): Secret {
  if (secret.spec === undefined) return secret;
  const { data: _data, ...spec } = secret.spec;
  return { ...secret, spec };
}

const askedFor = new WeakMap<Secret, Secret>();

/**
 * The same for a secret of the store that somebody has asked for: what is asked for once is asked for again, and whoever
 * remembers what it has made of the answer finds it again. It goes with the secret, which never changes.
 */
export function rememberedSecret(secret: Secret): Secret {
  const redacted = askedFor.get(secret) ?? redactedSecret(secret);
  askedFor.set(secret, redacted);
  return redacted;
}

/** The cluster without keys. Names what is shown, so that a new field is hidden until somebody decides about it. */
export function redactedCluster(cluster: Cluster): Cluster {
  const { id, meta, spec, rootCa, blacklistedCertificates, defaultAddressPool = [], subnetSize } = cluster;
  const hasPool = defaultAddressPool.length > 0;
  return {
    ...(id === undefined ? {} : { id }),
    ...(meta === undefined ? {} : { meta }),
    ...(spec === undefined ? {} : { spec: withoutSigningPair(spec) }),
    ...(rootCa === undefined ? {} : { rootCa: withoutKeys(rootCa) }),
    ...(blacklistedCertificates === undefined ? {} : { blacklistedCertificates }),
    defaultAddressPool: hasPool ? defaultAddressPool : builtInAddressPool,
    subnetSize: hasPool ? (subnetSize ?? 0) : builtInSubnetSize,
    VXLANUDPPort: cluster.VXLANUDPPort || defaultVxlanPort,
  };
}

// Without the certificate too: a client that reads the spec, changes a field and writes it back would otherwise ask
// for a rotation to a root without a key.
function withoutSigningPair(spec: ClusterSpec): ClusterSpec {
  if (spec.caConfig === undefined) return spec;
  const { signingCaCert: _certificate, signingCaKey: _key, ...caConfig } = spec.caConfig;
  return { ...spec, caConfig };
}

function withoutKeys(root: RootCA): RootCA {
  const { caKey: _key, rootRotation, ...shown } = root;
  if (rootRotation === undefined) return shown;
  const { caKey: _nextKey, ...rotation } = rootRotation;
  return { ...shown, rootRotation: rotation };
}

/**
 * The service without registry credentials, for lists and events. Who asks for one service gets them: Docker reads
 * them back to keep them in an update.
 */
export function withoutCredentials(service: Service): Service {
  const { spec, previousSpec } = service;
  // The same object where there is nothing to hide: whoever remembers what it has made of it finds it again.
  if (!hasCredentials(spec) && !hasCredentials(previousSpec)) return service;
  return {
    ...service,
    ...(spec === undefined ? {} : { spec: ofServiceSpec(spec) }),
    ...(previousSpec === undefined ? {} : { previousSpec: ofServiceSpec(previousSpec) }),
  };
}

/** The task without registry credentials. Only the node that it is assigned to needs them. */
export const taskWithoutCredentials = (task: Task): Task =>
  task.spec === undefined ? task : { ...task, spec: ofTaskSpec(task.spec) };

const hasCredentials = (spec: ServiceSpec | undefined): boolean => spec?.task?.container?.pullOptions !== undefined;

const ofServiceSpec = (spec: ServiceSpec): ServiceSpec =>
  spec.task === undefined ? spec : { ...spec, task: ofTaskSpec(spec.task) };

function ofTaskSpec(spec: TaskSpec): TaskSpec {
  if (spec.container?.pullOptions === undefined) return spec;
  const { pullOptions: _credentials, ...container } = spec.container;
  return { ...spec, container };
}

/** What an event may show of an object of any kind. */
export function redactedObject(table: Table<StoredObject>, object: StoredObject): StoredObject {
  switch (table.name) {
    case secrets.name:
      return redactedSecret(object as Secret);
    case clusters.name:
      return redactedCluster(object as Cluster);
    case services.name:
      return withoutCredentials(object as Service);
    case tasks.name:
      return taskWithoutCredentials(object as Task);
    default:
      return object;
  }
}
