// What a service spec asks of the rest of the store: networks, ports, secrets, configs.
// Source: swarmkit manager/controlapi/service.go.
import { invalidArgument, notFound, unimplemented } from "@mswarm/runtime";
import { configs, networks, networksOf, type ReadTransaction, secrets, services } from "@mswarm/store";
import type { PortConfig, Service, ServiceSpec } from "@mswarm/wire";
import { goQuoted, plural } from "../objects/go-format.ts";
import { isIngress, isPredefined } from "../objects/network-spec.ts";

/** Everything below, in SwarmKit's order. @param serviceId  the service that is updated; undefined for a new one */
export function requireFulfillable(tx: ReadTransaction, spec: ServiceSpec, serviceId?: string): void {
  requireNetworks(tx, spec);
  requireFreePorts(tx, spec, serviceId);
  requireSecrets(tx, spec);
  requireConfigs(tx, spec);
}

/** Errors: INVALID_ARGUMENT (ingress), NOT_FOUND, UNIMPLEMENTED for networks that this version cannot attach to. */
function requireNetworks(tx: ReadTransaction, spec: ServiceSpec): void {
  for (const id of networksOf(spec)) {
    const network = tx.get(networks, id);
    if (network === undefined) throw notFound(`network ${id} not found`);
    const name = network.spec?.annotations?.name ?? "";
    if (isIngress(network)) {
      throw invalidArgument(`Service cannot be explicitly attached to the ingress network ${goQuoted(name)}`);
    }
    if (!isPredefined(network)) {
      throw unimplemented(
        `this version of mswarm has no overlay networks: a service can be attached to bridge or host, not to ${goQuoted(name)}`,
      );
    }
  }
}

const portOf = ({ protocol = "TCP", publishedPort = 0 }: PortConfig): string => `${publishedPort}/${protocol}`;

function publishedPorts(ports: readonly PortConfig[], mode: PortConfig["publishMode"]): ReadonlySet<string> {
  const published = ports.filter((port) => (port.publishMode ?? "INGRESS") === mode && (port.publishedPort ?? 0) !== 0);
  return new Set(published.map(portOf));
}

/** Host ports of two services may be equal: the scheduler keeps them apart. Errors: INVALID_ARGUMENT. */
function requireFreePorts(tx: ReadTransaction, spec: ServiceSpec, serviceId: string | undefined): void {
  const ports = spec.endpoint?.ports ?? [];
  const ingress = publishedPorts(ports, "INGRESS");
  const host = publishedPorts(ports, "HOST");
  if (ingress.size === 0 && host.size === 0) return;
  for (const service of tx.all(services)) {
    if (service.id === serviceId) continue;
    for (const port of [...(service.spec?.endpoint?.ports ?? []), ...(service.endpoint?.ports ?? [])]) {
      const isHost = port.publishMode === "HOST";
      const taken = ingress.has(portOf(port)) || (!isHost && host.has(portOf(port)));
      if (taken) throw portTaken(port, service, isHost ? "a host-published" : "an ingress");
    }
  }
}

const portTaken = (port: PortConfig, { id = "", spec }: Service, kind: string): Error =>
  invalidArgument(
    `port '${port.publishedPort ?? 0}' is already in use by service '${spec?.annotations?.name ?? ""}' (${id}) as ${kind} port`,
  );

/** A reference counts only when id and name belong together. Errors: INVALID_ARGUMENT. */
function requireSecrets(tx: ReadTransaction, spec: ServiceSpec): void {
  const missing = (spec.task?.container?.secrets ?? []).filter(
    ({ secretId = "", secretName }) => tx.get(secrets, secretId)?.spec?.annotations?.name !== secretName,
  );
  requireNone(
    "secret",
    missing.map((reference) => reference.secretName ?? ""),
  );
}

function requireConfigs(tx: ReadTransaction, spec: ServiceSpec): void {
  const missing = (spec.task?.container?.configs ?? []).filter(
    ({ configId = "", configName }) => tx.get(configs, configId)?.spec?.annotations?.name !== configName,
  );
  requireNone(
    "config",
    missing.map((reference) => reference.configName ?? ""),
  );
}

function requireNone(kind: "secret" | "config", missing: readonly string[]): void {
  if (missing.length > 0) throw invalidArgument(`${plural(kind, missing.length)} not found: ${missing.join(", ")}`);
}
