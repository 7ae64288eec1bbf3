// What a worker tells of itself. Pure. Source: wire reference 6.8.
import type { EngineInfo } from "@mswarm/engine";
import type { GenericResource, NodeDescription, NodeTLSInfo } from "@mswarm/wire";

/** What the daemon knows better than the engine. */
export interface DescriptionOverrides {
  /** Absent: the engine's host. */
  readonly hostname?: string;
  /** This node's share of a machine that several nodes use; absent: all of it. */
  readonly nanoCpus?: number;
  readonly memoryBytes?: number;
  /** In place of the engine's own. */
  readonly genericResources?: readonly GenericResource[];
  /** Added to the engine's own labels. */
  readonly engineLabels?: Readonly<Record<string, string>>;
  /** Of this node's certificate; root rotation never completes without it. */
  readonly tlsInfo?: NodeTLSInfo;
}

/** Networks that tasks can run on here. Others are left out, so that no manager sends tasks that need them. */
const networkPlugins: ReadonlySet<string> = new Set(["bridge", "host", "null"]);

export function nodeDescriptionOf(info: EngineInfo, overrides: DescriptionOverrides): NodeDescription {
  const plugins = info.plugins
    .filter(({ type, name }) => type !== "Network" || networkPlugins.has(name))
    .sort((a, b) => compare(a.type, b.type) || compare(a.name, b.name));
  const generic = overrides.genericResources ?? info.genericResources.map(genericResource);
  return {
    hostname: overrides.hostname ?? info.name,
    platform: { architecture: info.architecture, os: info.operatingSystem },
    resources: {
      nanoCpus: String(overrides.nanoCpus ?? info.cpus * 1e9),
      memoryBytes: String(overrides.memoryBytes ?? info.memoryBytes),
      ...(generic.length === 0 ? {} : { generic: [...generic] }),
    },
    engine: {
      engineVersion: info.version,
      labels: { ...engineLabels(info.labels), ...overrides.engineLabels },
      plugins,
    },
    ...(overrides.tlsInfo === undefined ? {} : { tlsInfo: overrides.tlsInfo }),
  };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function genericResource(resource: EngineInfo["genericResources"][number]): GenericResource {
  return "named" in resource
    ? { namedResourceSpec: { kind: resource.kind, value: resource.named } }
    : { discreteResourceSpec: { kind: resource.kind, value: String(resource.count) } };
}

function engineLabels(labels: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    labels.map((label) => {
      const [key = "", ...value] = label.split("=");
      return [key, value.join("=")];
    }),
  );
}
