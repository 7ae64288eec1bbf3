import { foldName, networks, type ReadTransaction } from "@mswarm/store";
import type { Endpoint, EndpointSpec, Service } from "@mswarm/wire";

export type EndpointAllocation =
  | { readonly endpoint: Endpoint; readonly refusal?: undefined }
  | { readonly endpoint?: undefined; readonly refusal: string };

/**
 * What becomes of an endpoint spec: host-mode ports are taken over as they are. Virtual addresses and ingress ports
 * need the routing mesh.
 */
export function allocatedEndpoint(spec: EndpointSpec | undefined): EndpointAllocation {
  if (spec === undefined) return { endpoint: {} };
  const ports = spec.ports ?? [];
  if (ports.some((port) => (port.publishMode ?? "INGRESS") === "INGRESS")) {
    return { refusal: "ports published in ingress mode are not supported yet: publish them with mode=host" };
  }
  return { endpoint: ports.length === 0 ? { spec } : { spec, ports } };
}

/**
 * The endpoint that a service is to have; undefined when it stays as it is, or cannot be given. One that has no ports and
 * no networks, and had none, keeps an endpoint that says nothing. The networks that every node has are among the virtual
 * addresses, without an address. Source: swarmkit manager/allocator/network.go, isServiceAllocated; libnetwork cnmallocator.
 */
export function serviceEndpoint(service: Service, tx: ReadTransaction): Endpoint | undefined {
  const { spec = {}, endpoint: current = {} } = service;
  const hasPorts = [...(spec.endpoint?.ports ?? []), ...(current.ports ?? [])].length > 0;
  const given = (current.virtualIps ?? []).map(({ networkId = "" }) => networkId);
  const wanted = networksWithAddress(service, tx);
  if (!hasPorts && given.length === wanted.length && wanted.every((id) => given.includes(id))) return undefined;
  const { endpoint, refusal } = allocatedEndpoint(spec.endpoint);
  if (refusal !== undefined) return undefined;
  const complete =
    wanted.length === 0 ? endpoint : { ...endpoint, virtualIps: wanted.map((networkId) => ({ networkId })) };
  return JSON.stringify(complete) === JSON.stringify(current) ? undefined : complete;
}

/** Ids of the networks in which the service would have an address of its own. */
function networksWithAddress({ spec = {} }: Service, tx: ReadTransaction): readonly string[] {
  if (spec.endpoint?.mode === "DNSRR") return [];
  const ownNetworks = spec.task?.networks ?? [];
  const ids = (ownNetworks.length > 0 ? ownNetworks : (spec.networks ?? [])).map(
    ({ target = "" }) => (tx.get(networks, target) ?? tx.by(networks, "name", foldName(target))[0])?.id ?? "",
  );
  return [...new Set(ids)].filter((id) => id !== "");
}
